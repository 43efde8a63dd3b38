//! Continuation links: made, opened once, taken back.

use everthread_core::continuation::{LinkFacts, Opening, open};
use everthread_core::event::AddressKind;
use everthread_core::ids::{
    AccountId, ContactId, ConversationId, IdentityId, IncidentId, LinkId, MessageId, PartId, Uid, UserId,
    WorkspaceId,
};
use everthread_core::limits::{LINK_LIFE, LINKS_OPEN_MAX};
use everthread_core::outbox::{Author, expired};
use everthread_core::outcome::Reason;
use everthread_core::state::Proof;
use everthread_core::time::Timestamp;

use crate::units::apply::{NewIdentity, insert_identity};
use crate::units::record::{Ending, end_part};
use crate::units::rows::{ConversationRow, conversation, save_conversation};
use crate::units::work::Work;
use crate::units::{After, Audit};
use crate::{Db, Error, Result, Unit, row_struct, sql, vals};

/// A link that can be made: its address, and what is kept of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOffer {
    /// The web chat that it leads into.
    pub account: AccountId,
    /// The whole address, as the customer gets it.
    pub url: String,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
}

/// Why and for whom a link is made.
pub(super) struct LinkFor {
    pub(super) incident: Option<IncidentId>,
    pub(super) user: Option<UserId>,
    /// Where it is sent; `None` where a person copies it.
    pub(super) over: Option<IdentityId>,
}

/// Stores a link.
pub(super) async fn insert_link<D: Db>(
    db: &mut D,
    work: &mut Work,
    row: &ConversationRow,
    offer: &LinkOffer,
    made: &LinkFor,
) -> Result<Uid> {
    let (id, uid) = (LinkId(work.id(db).await?), work.uid());
    db.exec(
        sql!(
            "INSERT INTO continuation_links (id, uid, workspace_id, conversation_id, account_id, incident_id, user_id, \
             over_identity_id, token_hash, created_at, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        &vals![
            id.0,
            uid,
            row.workspace,
            row.id,
            offer.account,
            made.incident,
            made.user,
            made.over,
            offer.token_hash.as_slice(),
            work.now,
            work.now + LINK_LIFE
        ],
    )
    .await?;
    Ok(uid)
}

/// A person takes a link to paste somewhere.
#[derive(Clone, Debug)]
pub struct MakeLink {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub offer: LinkOffer,
    /// `None` for an API key.
    pub user: Option<UserId>,
}

impl Unit for MakeLink {
    type Out = (Uid, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let row = conversation(db, self.workspace, self.conversation).await?;
        let (open,): (i64,) = db
            .one(
                "links",
                sql!(
                    "SELECT count(*) FROM continuation_links WHERE conversation_id = ?1 AND revoked_at IS NULL \
                     AND opened_at IS NULL AND expires_at > ?2"
                ),
                &vals![row.id, self.now],
            )
            .await?;
        if open >= LINKS_OPEN_MAX as i64 {
            return Err(Error::Conflict(format!(
                "{open} links of this conversation wait to be opened; take some back first"
            )));
        }
        let made = LinkFor { incident: None, user: self.user, over: None };
        let uid = insert_link(db, &mut work, &row, &self.offer, &made).await?;
        let audit = Audit {
            now: self.now,
            seed: work.uids.draw(),
            workspace: Some(self.workspace),
            user: self.user,
            action: "link.make".to_owned(),
            object: uid.show(LinkId::PREFIX),
            detail: serde_json::json!({ "conversation": row.uid.show(ConversationId::PREFIX) }).to_string(),
        };
        audit.run(db).await?;
        Ok((uid, work.finish(db).await?))
    }
}

/// Somebody pressed the button behind a link.
#[derive(Clone, Debug)]
pub struct OpenLink {
    pub now: Timestamp,
    pub seed: u64,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// Who a browser becomes that opens it first: unguessable.
    pub visitor: String,
    /// The visitor that this browser can show to be.
    pub browser: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The browser is this visitor of this web chat.
    In { account: AccountId, visitor: String, after: Box<After> },
    /// Another browser is.
    Elsewhere { account: AccountId },
    /// Unknown, over or taken back.
    Ended,
}

row_struct! {
    struct LinkRow {
        id: i64,
        account: AccountId,
        expires_at: Timestamp,
        revoked_at: Option<Timestamp>,
        opened_at: Option<Timestamp>,
        visitor: Option<String>,
        contact: ContactId,
        contact_uid: Uid,
        conversation_uid: Uid,
    }
}

impl Unit for OpenLink {
    type Out = Opened;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Opened> {
        let hash = self.token_hash.as_slice();
        // The token is all that a browser has: it names the workspace.
        let workspace: Option<(WorkspaceId,)> = db
            .row(sql!("SELECT workspace_id FROM continuation_links WHERE token_hash = ?1"), &vals![hash])
            .await?;
        let Some((workspace,)) = workspace else { return Ok(Opened::Ended) };
        let mut work = Work::start(db, self.now, self.seed, &[workspace], 2).await?;
        let row: Option<LinkRow> = db
            .row(
                sql!(
                    "SELECT l.id, l.account_id, l.expires_at, l.revoked_at, l.opened_at, i.value, v.contact_id, k.uid, v.uid \
                     FROM continuation_links l JOIN conversations v ON v.id = l.conversation_id \
                     JOIN contacts k ON k.id = v.contact_id \
                     JOIN accounts a ON a.id = l.account_id AND a.removed_at IS NULL \
                     LEFT JOIN identities i ON i.id = l.identity_id \
                     WHERE l.token_hash = ?1 AND l.workspace_id = ?2"
                ),
                &vals![hash, workspace],
            )
            .await?;
        let Some(row) = row else { return Ok(Opened::Ended) };
        if row.opened_at.is_some() && row.visitor.is_none() {
            return Ok(Opened::Ended);
        }
        let facts = LinkFacts {
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            opened_by: row.visitor.as_deref(),
        };
        let account = row.account;
        match open(&facts, self.browser.as_deref(), self.now) {
            Opening::Ended => Ok(Opened::Ended),
            Opening::Elsewhere => Ok(Opened::Elsewhere { account }),
            Opening::Again => {
                let visitor = row.visitor.unwrap_or_default();
                Ok(Opened::In { account, visitor, after: Box::new(work.finish(db).await?) })
            }
            Opening::First => {
                self.invite(db, &mut work, workspace, &row).await?;
                Ok(Opened::In {
                    account,
                    visitor: self.visitor.clone(),
                    after: Box::new(work.finish(db).await?),
                })
            }
        }
    }
}

impl OpenLink {
    async fn invite<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        workspace: WorkspaceId,
        row: &LinkRow,
    ) -> Result<()> {
        let id = IdentityId(work.id(db).await?);
        let new = NewIdentity {
            id,
            uid: work.uid(),
            workspace,
            contact: row.contact,
            scope: row.account.0,
            kind: AddressKind::Webchat,
            value: &self.visitor,
            username: None,
            proof: Proof::Invited,
        };
        insert_identity(db, &new, self.now).await?;
        db.exec(
            sql!("UPDATE continuation_links SET opened_at = ?2, identity_id = ?3 WHERE id = ?1"),
            &vals![row.id, self.now, id],
        )
        .await?;
        work.changed(workspace, "contact", row.contact_uid, None);
        work.conversation_changed(workspace, row.conversation_uid);
        Ok(())
    }
}

/// Takes a link back. Who opened it and has proved nothing loses their place in the conversation: they go on as a contact of their
/// own, and the route goes back to where the customer wrote before.
#[derive(Clone, Debug)]
pub struct RevokeLink {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub link: Uid,
    /// `None` for an API key.
    pub user: Option<UserId>,
}

impl Unit for RevokeLink {
    /// `None` where this conversation has no such link.
    type Out = Option<After>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 8).await?;
        let found: Option<(i64, Option<IdentityId>, Option<Proof>)> = db
            .row(
                sql!(
                    "SELECT l.id, l.identity_id, i.proof FROM continuation_links l \
                     LEFT JOIN identities i ON i.id = l.identity_id \
                     WHERE l.uid = ?1 AND l.workspace_id = ?2 AND l.conversation_id = ?3"
                ),
                &vals![self.link, self.workspace, self.conversation],
            )
            .await?;
        let Some((id, identity, proof)) = found else { return Ok(None) };
        db.exec(
            sql!("UPDATE continuation_links SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1"),
            &vals![id, self.now],
        )
        .await?;
        if let Some(identity) = identity.filter(|_| proof == Some(Proof::Invited)) {
            self.cut_off(db, &mut work, identity).await?;
        }
        let audit = Audit {
            now: self.now,
            seed: work.uids.draw(),
            workspace: Some(self.workspace),
            user: self.user,
            action: "link.revoke".to_owned(),
            object: self.link.show(LinkId::PREFIX),
            detail: "{}".to_owned(),
        };
        audit.run(db).await?;
        Ok(Some(work.finish(db).await?))
    }
}

impl RevokeLink {
    async fn cut_off<D: Db>(&self, db: &mut D, work: &mut Work, identity: IdentityId) -> Result<()> {
        let mut row = conversation(db, self.workspace, self.conversation).await?;
        let (contact, uid) = (ContactId(work.id(db).await?), work.uid());
        db.exec(
            sql!(
                "INSERT INTO contacts (id, uid, workspace_id, sandbox, created_at, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)"
            ),
            &vals![contact, uid, self.workspace, row.sandbox, self.now],
        )
        .await?;
        db.exec(
            sql!("UPDATE identities SET contact_id = ?2, updated_at = ?3 WHERE id = ?1"),
            &vals![identity, contact, self.now],
        )
        .await?;
        let reason = Reason::new("link_revoked", "the link was taken back from who opened it");
        give_back(db, work, &row, Some(identity), &reason).await?;
        if row.route_identity == Some(identity) {
            let before: Option<(IdentityId, AccountId, String)> = db
                .row(
                    sql!(
                        "SELECT m.identity_id, m.account_id, a.channel FROM messages m JOIN accounts a ON a.id = m.account_id \
                         WHERE m.conversation_id = ?1 AND m.direction = 'in' AND m.identity_id <> ?2 \
                         AND a.removed_at IS NULL ORDER BY m.seq DESC LIMIT 1"
                    ),
                    &vals![row.id, identity],
                )
                .await?;
            if let Some((identity, account, channel)) = before {
                row.route_identity = Some(identity);
                row.route_account = Some(account);
                row.channel = channel;
                save_conversation(db, &row, self.now).await?;
            }
        }
        work.changed(self.workspace, "contact", uid, None);
        work.conversation_changed(self.workspace, row.uid);
        Ok(())
    }
}

/// Ends what waits in a lane (to one identity, or all that is held): a person's goes back to its author, the rest is cancelled.
pub(crate) async fn give_back<D: Db>(
    db: &mut D,
    work: &mut Work,
    row: &ConversationRow,
    to: Option<IdentityId>,
    reason: &Reason,
) -> Result<()> {
    let parts: Vec<(PartId, MessageId, Uid, String, IdentityId, String)> = db
        .rows(
            sql!(
                "SELECT p.id, p.message_id, m.uid, p.author, p.identity_id, p.state FROM message_parts p \
                 JOIN messages m ON m.id = p.message_id \
                 WHERE p.conversation_id = ?1 AND p.unsent = 1 AND p.seq > 0 AND (p.state = 'queued' OR (p.state = 'held' AND p.due_at IS NOT NULL)) \
                 ORDER BY p.seq, p.idx"
            ),
            &vals![row.id],
        )
        .await?;
    for (part, message, message_uid, author, identity, state) in parts {
        let meant = to.map_or(state == "held", |to| to == identity);
        if !meant {
            continue;
        }
        let author =
            Author::parse(&author).ok_or_else(|| Error::Defect(format!("unknown author {author:?}")))?;
        let ending = Ending {
            workspace: row.workspace,
            conversation: row.id,
            conversation_uid: row.uid,
            message,
            message_uid,
            part,
        };
        end_part(db, work, &ending, expired(author, reason)).await?;
    }
    Ok(())
}
