//! Erasing a contact: nothing that says who it was stays. Keys of events stay (hashes), so that no redelivery and no
//! replay brings it back.

use everthread_core::event::{Address, AddressKind};
use everthread_core::ids::{ContactId, ConversationId, MessageId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::units::After;
use crate::units::feed::restart_feed;
use crate::units::gone::{OF_CONVERSATION, OF_MESSAGE, remove_messages};
use crate::units::work::Work;
use crate::{Db, Result, Sql, Unit, Val, sql, vals};

/// Erases a contact, its messages `limit` at a time. Run it until nothing more is to do.
#[derive(Clone, Debug)]
pub struct EraseContact {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    /// What the person wrote in conversations of others ([`Strays`]).
    pub strays: Vec<MessageId>,
    /// Messages in one unit.
    pub limit: u32,
}

/// What one unit erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactErased {
    pub messages: u64,
    /// Rows that told of the person elsewhere: problems, webhooks, what was set aside, kept answers.
    pub others: u64,
    /// True where a unit should follow.
    pub more: bool,
    pub after: After,
}

/// Addresses of a contact, and all public ids it ever had: what an erasure looks for.
#[derive(Clone, Debug)]
pub struct Traces {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
}

/// See [`Traces`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactTraces {
    /// The contact's own id first, then those of contacts that were merged into it.
    pub uids: Vec<Uid>,
    pub addresses: Vec<Address>,
}

impl Unit for Traces {
    type Out = ContactTraces;

    async fn run<D: Db>(&self, db: &mut D) -> Result<ContactTraces> {
        let (uid,): (Uid,) = db
            .one(
                "contact",
                sql!("SELECT uid FROM contacts WHERE id = ?1 AND workspace_id = ?2"),
                &vals![self.contact, self.workspace],
            )
            .await?;
        let mut uids = vec![uid];
        let mut open = vec![self.contact];
        while let Some(id) = open.pop() {
            let gone: Vec<(ContactId, Uid)> = db
                .rows(sql!("SELECT gone_id, gone_uid FROM contact_merges WHERE kept_id = ?1"), &vals![id])
                .await?;
            uids.extend(gone.iter().map(|(_, uid)| *uid));
            open.extend(gone.into_iter().map(|(id, _)| id));
        }
        let addresses: Vec<(AddressKind, String)> = db
            .rows(
                sql!("SELECT kind, value FROM identities WHERE contact_id = ?1 ORDER BY id"),
                &vals![self.contact],
            )
            .await?;
        let addresses = addresses.into_iter().map(|(kind, value)| Address { kind, value }).collect();
        Ok(ContactTraces { uids, addresses })
    }
}

impl Unit for EraseContact {
    type Out = ContactErased;

    async fn run<D: Db>(&self, db: &mut D) -> Result<ContactErased> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let traces = Traces { workspace: self.workspace, contact: self.contact }.run(db).await?;
        let messages: Vec<(MessageId, Option<String>)> = db
            .rows(
                sql!(
                    "SELECT m.id, m.content FROM messages m JOIN conversations v ON v.id = m.conversation_id \
                     WHERE v.contact_id = ?1 AND m.workspace_id = ?2 LIMIT ?3"
                ),
                &vals![self.contact, self.workspace, self.limit],
            )
            .await?;
        remove_messages(db, self.workspace, &messages).await?;
        let mut out = ContactErased { messages: messages.len() as u64, ..ContactErased::default() };
        out.more = messages.len() as u64 >= u64::from(self.limit);
        if !out.more {
            out.others = self.rest(db, &mut work, &traces).await?;
        }
        let number = restart_feed(db, self.workspace).await?;
        out.after = work.finish(db).await?;
        out.after.changes.push((self.workspace, number));
        Ok(out)
    }
}

/// A message of the person in a conversation of another keeps its place in the sequence, and nothing else.
const EMPTY: Sql = sql!(
    "UPDATE messages SET text = '', content = NULL, postback = NULL, referral = NULL, reactions = NULL, \
     identity_id = NULL, deleted_at = coalesce(deleted_at, at) WHERE id = ?1"
);

/// What a contact wrote in conversations that are others' now: a merge was taken back, or an address was split off.
/// Looks at every message of the workspace, so it runs as a read of its own.
#[derive(Clone, Debug)]
pub struct Strays {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
}

impl Unit for Strays {
    type Out = Vec<MessageId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<MessageId>> {
        let rows: Vec<(MessageId,)> = db
            .rows(
                sql!(
                    "SELECT m.id FROM messages m JOIN identities i ON i.id = m.identity_id \
                     JOIN conversations v ON v.id = m.conversation_id \
                     WHERE m.workspace_id = ?1 AND i.contact_id = ?2 AND v.contact_id <> ?2 ORDER BY m.id"
                ),
                &vals![self.workspace, self.contact],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

/// What hangs on the contact; children before parents.
const OF_CONTACT: &[Sql] = &[
    sql!("DELETE FROM leads WHERE contact_id = ?1"),
    sql!("DELETE FROM identity_codes WHERE contact_id = ?1"),
    sql!("DELETE FROM consents WHERE contact_id = ?1"),
    sql!("DELETE FROM reaches WHERE identity_id IN (SELECT id FROM identities WHERE contact_id = ?1)"),
    sql!("DELETE FROM parked WHERE identity_id IN (SELECT id FROM identities WHERE contact_id = ?1)"),
    sql!("DELETE FROM identities WHERE contact_id = ?1"),
    sql!("DELETE FROM contacts WHERE id = ?1"),
];

impl EraseContact {
    /// Everything but the messages. Answers how many rows elsewhere told of the person.
    async fn rest<D: Db>(&self, db: &mut D, work: &mut Work, traces: &ContactTraces) -> Result<u64> {
        let conversations: Vec<(ConversationId, Uid)> = db
            .rows(sql!("SELECT id, uid FROM conversations WHERE contact_id = ?1"), &vals![self.contact])
            .await?;
        let mut names: Vec<String> = traces.uids.iter().map(|uid| uid.show(ContactId::PREFIX)).collect();
        names.extend(conversations.iter().map(|(_, uid)| uid.show(ConversationId::PREFIX)));
        let others = self.elsewhere(db, &traces.addresses, &names).await?;
        for (id, _) in &conversations {
            work.lane_touched(self.workspace, *id);
        }
        let ids: Vec<[Val<'_>; 1]> = conversations.iter().map(|(id, _)| vals![*id]).collect();
        for step in OF_CONVERSATION {
            db.exec_all(*step, &ids).await?;
        }
        let strays: Vec<[Val<'_>; 1]> = self.strays.iter().map(|id| vals![*id]).collect();
        for step in OF_MESSAGE.iter().chain([&EMPTY]) {
            db.exec_all(*step, &strays).await?;
        }
        let merges: Vec<[Val<'_>; 2]> = traces.uids.iter().map(|uid| vals![*uid, self.workspace]).collect();
        db.exec_all(sql!("DELETE FROM contact_merges WHERE gone_uid = ?1 AND workspace_id = ?2"), &merges)
            .await?;
        for step in OF_CONTACT {
            db.exec(*step, &vals![self.contact]).await?;
        }
        Ok(others)
    }

    /// Rows that name the person without belonging to it.
    async fn elsewhere<D: Db>(&self, db: &mut D, addresses: &[Address], names: &[String]) -> Result<u64> {
        let mut patterns = Vec::new();
        for address in addresses {
            // As events are written, and as providers write ids: whole values, so that a short id hits no longer one.
            let event = serde_json::to_string(address)?;
            patterns.push((contains(event.trim_matches(['{', '}'])), true));
            patterns.push((contains(&serde_json::to_string(&address.value)?), false));
            for end in [",", "}", "]"] {
                patterns.push((contains(&format!(":{}{end}", address.value)), false));
            }
        }
        let mut count = 0;
        for address in addresses {
            let threads = sql!("DELETE FROM history_threads WHERE workspace_id = ?1 AND address = ?2");
            count += db.exec(threads, &vals![self.workspace, address.value.as_str()]).await?;
        }
        for (pattern, event) in &patterns {
            let values = vals![self.workspace, pattern.as_str()];
            if *event {
                for step in [
                    sql!("DELETE FROM parked WHERE workspace_id = ?1 AND event LIKE ?2 ESCAPE '!'"),
                    sql!("DELETE FROM deferred WHERE workspace_id = ?1 AND event LIKE ?2 ESCAPE '!'"),
                ] {
                    count += db.exec(step, &values).await?;
                }
            }
            let problems = sql!("DELETE FROM problems WHERE workspace_id = ?1 AND raw LIKE ?2 ESCAPE '!'");
            count += db.exec(problems, &values).await?;
            let examples =
                sql!("DELETE FROM problem_examples WHERE workspace_id = ?1 AND raw LIKE ?2 ESCAPE '!'");
            count += db.exec(examples, &values).await?;
        }
        for name in names {
            let pattern = contains(name);
            let values = vals![self.workspace, pattern.as_str()];
            for step in [
                sql!("DELETE FROM webhook_deliveries WHERE workspace_id = ?1 AND body LIKE ?2 ESCAPE '!'"),
                sql!("DELETE FROM idempotency_keys WHERE workspace_id = ?1 AND body LIKE ?2 ESCAPE '!'"),
            ] {
                count += db.exec(step, &values).await?;
            }
        }
        Ok(count)
    }
}

/// A pattern for `LIKE` with `!` as its escape.
fn contains(text: &str) -> String {
    format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}
