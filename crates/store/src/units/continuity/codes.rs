//! One-time codes: sent over another address, tried in the web chat; and a person's word instead of one.

use std::sync::Arc;

use everthread_core::content::{Content, OneTimeCode};
use everthread_core::continuation::{
    Asking, CodeFacts, NoWay, TooSoon, choose, code_text, may_send, may_try,
};
use everthread_core::directory::Directory;
use everthread_core::ids::{
    AccountId, CodeId, ContactId, ConversationId, IdentityId, MessageId, PartId, Uid, UserId, WorkspaceId,
};
use everthread_core::limits::{CODE_LIFE, CODES_MAX};
use everthread_core::outbox::Author;
use everthread_core::routing::{Fault, Policy, Way};
use everthread_core::state::{Class, Proof};
use everthread_core::time::Timestamp;

use super::ways::{contact_facts, ways};
use crate::units::out::{OutMessage, cancel_parts, queue};
use crate::units::rows::{AuthorKind, ConversationRow, conversation, save_conversation};
use crate::units::work::Work;
use crate::units::{After, Audit};
use crate::{Db, Error, Result, Unit, row_struct, sql, vals};

/// What people of ours read in the thread.
const SHOWN: &str = "A code was sent here, to prove who writes in the web chat.";

/// Messages of a visitor that lose their badge at once on open screens; older ones when they are read again.
const SHOWN_AGAIN: i64 = 100;

row_struct! {
    struct VisitorRow {
        identity: IdentityId,
        proof: Proof,
        contact: ContactId,
        conversation: Option<ConversationId>,
        created_at: Timestamp,
        linked: Option<IdentityId>,
    }
}

/// The visitor of a web chat, where they came by a link and have proved nothing yet.
async fn invited<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    account: AccountId,
    visitor: &str,
) -> Result<Option<(VisitorRow, ConversationId)>> {
    let found: Option<VisitorRow> = db
        .row(
            sql!(
                "SELECT i.id, i.proof, i.contact_id, k.conversation_id, i.created_at, l.over_identity_id \
                 FROM identities i JOIN contacts k ON k.id = i.contact_id \
                 LEFT JOIN continuation_links l ON l.identity_id = i.id \
                 WHERE i.workspace_id = ?1 AND i.kind = 'webchat' AND i.scope = ?2 AND i.value = ?3"
            ),
            &vals![workspace, account.0, visitor],
        )
        .await?;
    let found = found.filter(|row| row.proof == Proof::Invited);
    Ok(found.and_then(|row| row.conversation.map(|conversation| (row, conversation))))
}

/// The way that a code to this visitor's contact takes.
async fn way_for<D: Db>(
    db: &mut D,
    (visitor, row): (&VisitorRow, &ConversationRow),
    content: &Content,
    (faults, directory): (&[Fault], &Directory),
    now: Timestamp,
) -> Result<std::result::Result<Way, NoWay>> {
    let contact = contact_facts(db, row.contact).await?;
    let policy = Policy::default();
    let ways = ways(db, row, &contact, std::slice::from_ref(content), (&policy, directory), now).await?;
    let newer: Vec<(IdentityId,)> = db
        .rows(
            sql!("SELECT id FROM identities WHERE contact_id = ?1 AND created_at >= ?2"),
            &vals![row.contact, visitor.created_at],
        )
        .await?;
    let newer: Vec<IdentityId> = newer.into_iter().map(|(id,)| id).collect();
    let asking = Asking { linked: visitor.linked, newer: &newer };
    Ok(choose(&ways, faults, asking).cloned())
}

fn code_content(uid: Uid, business: &str) -> Content {
    let code = OneTimeCode { id: uid.show(CodeId::PREFIX), text: code_text(business) };
    Content { code: Some(code), ..Content::text(SHOWN) }
}

/// Over which channel a code would go to prove this visitor.
#[derive(Clone, Debug)]
pub struct CodeWay {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    /// The web chat.
    pub account: AccountId,
    pub visitor: String,
    /// Every open incident: of real platforms, of simulated ones.
    pub faults: [Arc<[Fault]>; 2],
    pub directory: Arc<Directory>,
}

/// What a visitor can do to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeStand {
    /// The channel's word; `None` where no address can take a code now.
    pub channel: Option<String>,
    /// Until when the last code can be typed.
    pub open_until: Option<Timestamp>,
}

impl Unit for CodeWay {
    /// `None` where there is nothing to prove.
    type Out = Option<CodeStand>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let Some((visitor, id)) = invited(db, self.workspace, self.account, &self.visitor).await? else {
            return Ok(None);
        };
        let row = conversation(db, self.workspace, id).await?;
        let content = code_content(Uid(uuid::Uuid::nil()), "");
        let way = way_for(
            db,
            (&visitor, &row),
            &content,
            (&self.faults[usize::from(row.sandbox)], &self.directory),
            self.now,
        )
        .await?;
        let code = last_code(db, visitor.identity).await?;
        Ok(Some(CodeStand {
            channel: way.ok().map(|way| way.channel),
            open_until: code.filter(|code| may_try(&code.facts(), self.now)).map(|code| code.expires_at),
        }))
    }
}

/// Sends a code to the contact of a visitor, over another address.
#[derive(Clone, Debug)]
pub struct SendCode {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    /// The web chat.
    pub account: AccountId,
    pub visitor: String,
    /// Every open incident: of real platforms, of simulated ones.
    pub faults: [Arc<[Fault]>; 2],
    pub business: String,
    pub directory: Arc<Directory>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeSent {
    Sent {
        channel: String,
        until: Timestamp,
        after: Box<After>,
    },
    TooSoon {
        again_at: Timestamp,
    },
    /// No other verified address can take one now.
    NoWay,
    /// There is nothing to prove.
    NotAsked,
}

impl Unit for SendCode {
    type Out = CodeSent;

    async fn run<D: Db>(&self, db: &mut D) -> Result<CodeSent> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 8).await?;
        let Some((visitor, id)) = invited(db, self.workspace, self.account, &self.visitor).await? else {
            return Ok(CodeSent::NotAsked);
        };
        let sent: Vec<(Timestamp,)> = db
            .rows(
                sql!("SELECT sent_at FROM identity_codes WHERE contact_id = ?1 ORDER BY id DESC LIMIT ?2"),
                &vals![visitor.contact, CODES_MAX as i64],
            )
            .await?;
        let sent: Vec<Timestamp> = sent.into_iter().map(|(at,)| at).collect();
        if let Err(TooSoon { again_at }) = may_send(&sent, self.now) {
            return Ok(CodeSent::TooSoon { again_at });
        }
        let mut row = conversation(db, self.workspace, id).await?;
        let uid = work.uid();
        let content = code_content(uid, &self.business);
        let way = way_for(
            db,
            (&visitor, &row),
            &content,
            (&self.faults[usize::from(row.sandbox)], &self.directory),
            self.now,
        )
        .await?;
        let Ok(way) = way else { return Ok(CodeSent::NoWay) };
        self.end_older(db, &mut work, &row, visitor.identity).await?;
        let message = self.queue(db, &mut work, &mut row, (&content, &way)).await?;
        let (id, until) = (work.id(db).await?, self.now + CODE_LIFE);
        db.exec(
            sql!(
                "INSERT INTO identity_codes (id, uid, workspace_id, contact_id, identity_id, over_identity_id, \
                 over_account_id, message_id, sent_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
            ),
            &vals![
                id,
                uid,
                self.workspace,
                visitor.contact,
                visitor.identity,
                way.identity,
                way.account,
                message,
                self.now,
                until
            ],
        )
        .await?;
        Ok(CodeSent::Sent { channel: way.channel, until, after: Box::new(work.finish(db).await?) })
    }
}

impl SendCode {
    /// A new code ends the last, also where that has not gone out yet.
    async fn end_older<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        row: &ConversationRow,
        visitor: IdentityId,
    ) -> Result<()> {
        db.exec(
            sql!("UPDATE identity_codes SET ended_at = ?2 WHERE identity_id = ?1 AND ended_at IS NULL"),
            &vals![visitor, self.now],
        )
        .await?;
        let parts: Vec<(PartId, MessageId, Uid, i64)> = db
            .rows(
                sql!(
                    "SELECT p.id, p.message_id, m.uid, m.parts FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id WHERE p.conversation_id = ?1 AND p.unsent = 1 \
                     AND p.seq < 0 AND p.state IN ('queued', 'held')"
                ),
                &vals![row.id],
            )
            .await?;
        let key = (row.id, row.uid);
        cancel_parts(db, work, row.workspace, key, &parts, "a newer code was asked for").await
    }

    async fn queue<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        row: &mut ConversationRow,
        (content, way): (&Content, &Way),
    ) -> Result<MessageId> {
        let info = self.directory.get(way.account).ok_or(Error::NotFound("account"))?;
        let out = OutMessage {
            author: Author::Notice,
            kind: AuthorKind::System,
            content,
            identity: way.identity,
            reply_to: None,
            client_id: None,
            class: Class::Live,
            aside_until: Some(self.now + CODE_LIFE),
        };
        // A code is no answer: the customer still waits for one.
        let waiting_since = row.waiting_since;
        let queued = queue(db, work, row, info, &out).await?;
        let (message, _) = queued.map_err(|error| Error::Conflict(error.to_string()))?;
        row.waiting_since = waiting_since;
        save_conversation(db, row, self.now).await?;
        Ok(message)
    }
}

row_struct! {
    struct CodeRow {
        id: i64,
        uid: Uid,
        expires_at: Timestamp,
        tries: i64,
        ended_at: Option<Timestamp>,
    }
}

impl CodeRow {
    fn facts(&self) -> CodeFacts {
        CodeFacts {
            expires_at: self.expires_at,
            tries: u32::try_from(self.tries).unwrap_or(u32::MAX),
            ended: self.ended_at.is_some(),
        }
    }
}

async fn last_code<D: Db>(db: &mut D, visitor: IdentityId) -> Result<Option<CodeRow>> {
    db.row(
        sql!(
            "SELECT id, uid, expires_at, tries, ended_at FROM identity_codes WHERE identity_id = ?1 \
             ORDER BY id DESC LIMIT 1"
        ),
        &vals![visitor],
    )
    .await
}

/// Counts a try of the newest code before it is compared, so that many tries at once count too.
#[derive(Clone, Debug)]
pub struct TryCode {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    /// The web chat.
    pub account: AccountId,
    pub visitor: String,
}

/// A code that may be compared with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Names the code; the server makes its digits from it.
    pub code: Uid,
    pub tries: u32,
}

impl Unit for TryCode {
    /// `None` where no code can be tried: none was sent, or it is over.
    type Out = Option<Tried>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.lock(&[self.workspace]).await?;
        let Some((visitor, _)) = invited(db, self.workspace, self.account, &self.visitor).await? else {
            return Ok(None);
        };
        let Some(code) = last_code(db, visitor.identity).await? else { return Ok(None) };
        if !may_try(&code.facts(), self.now) {
            return Ok(None);
        }
        db.exec(sql!("UPDATE identity_codes SET tries = tries + 1 WHERE id = ?1"), &vals![code.id]).await?;
        Ok(Some(Tried { code: code.uid, tries: code.facts().tries + 1 }))
    }
}

/// The code was right: the visitor is the contact.
#[derive(Clone, Debug)]
pub struct ProveByCode {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub code: Uid,
}

impl Unit for ProveByCode {
    /// `None` where the code was used or replaced meanwhile.
    type Out = Option<After>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 2).await?;
        let used: Option<(IdentityId,)> = db
            .row(
                sql!(
                    "UPDATE identity_codes SET ended_at = ?3 WHERE uid = ?1 AND workspace_id = ?2 AND ended_at IS NULL \
                     RETURNING identity_id"
                ),
                &vals![self.code, self.workspace, self.now],
            )
            .await?;
        let Some((identity,)) = used else { return Ok(None) };
        prove(db, &mut work, self.workspace, identity, "code").await?;
        Ok(Some(work.finish(db).await?))
    }
}

/// A person's decision that an address is the contact's.
#[derive(Clone, Debug)]
pub struct ProveByHand {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub identity: Uid,
    pub user: UserId,
}

impl Unit for ProveByHand {
    /// `None` where the contact has no such address.
    type Out = Option<After>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 2).await?;
        let found: Option<(IdentityId, Proof)> = db
            .row(
                sql!(
                    "SELECT id, proof FROM identities WHERE uid = ?1 AND workspace_id = ?2 AND contact_id = ?3"
                ),
                &vals![self.identity, self.workspace, self.contact],
            )
            .await?;
        let Some((identity, proof)) = found else { return Ok(None) };
        if proof != Proof::Verified {
            prove(db, &mut work, self.workspace, identity, "person").await?;
            let audit = Audit {
                now: self.now,
                seed: work.uids.draw(),
                workspace: Some(self.workspace),
                user: Some(self.user),
                action: "identity.verify".to_owned(),
                object: self.identity.show(IdentityId::PREFIX),
                detail: serde_json::json!({ "was": proof.as_str() }).to_string(),
            };
            audit.run(db).await?;
        }
        Ok(Some(work.finish(db).await?))
    }
}

/// Makes an identity verified, and everything that shows it look again.
async fn prove<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    identity: IdentityId,
    by: &str,
) -> Result<()> {
    db.exec(
        sql!(
            "UPDATE identities SET proof = 'verified', proved_at = ?2, proved_by = ?3, updated_at = ?2 WHERE id = ?1"
        ),
        &vals![identity, work.now, by],
    )
    .await?;
    let (contact, conversation): (Uid, Option<Uid>) = db
        .one(
            "contact",
            sql!(
                "SELECT k.uid, v.uid FROM identities i JOIN contacts k ON k.id = i.contact_id \
                 LEFT JOIN conversations v ON v.id = k.conversation_id WHERE i.id = ?1"
            ),
            &vals![identity],
        )
        .await?;
    work.changed(workspace, "contact", contact, None);
    let Some(conversation) = conversation else { return Ok(()) };
    work.conversation_changed(workspace, conversation);
    let messages: Vec<(Uid,)> = db
        .rows(
            sql!(
                "SELECT m.uid FROM messages m JOIN conversations v ON v.id = m.conversation_id \
                 WHERE v.uid = ?1 AND m.direction = 'in' AND m.identity_id = ?2 ORDER BY m.seq DESC LIMIT ?3"
            ),
            &vals![conversation, identity, SHOWN_AGAIN],
        )
        .await?;
    for (uid,) in messages {
        work.message_changed(workspace, uid, conversation);
    }
    Ok(())
}
