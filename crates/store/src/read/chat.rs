//! A visitor's view of their thread: what went over this web chat, nothing else, until the visitor who came by a link is proved
//! to be the contact. Then all that was said.

use everthread_core::content::{Button, Content};
use everthread_core::ids::{AccountId, ConversationId, IdentityId, MessageId, Uid, WorkspaceId};
use everthread_core::state::{Proof, State};
use everthread_core::time::Timestamp;

use crate::{Db, Error, Result, Sql, Unit, row_struct, sql, vals};

/// Lines of one visitor that became visible, or changed, after a time; oldest first.
#[derive(Clone, Debug)]
pub struct ChatThread {
    pub workspace: WorkspaceId,
    pub account: AccountId,
    /// The visitor's address on this web chat.
    pub visitor: String,
    /// Microseconds; 0 gives the newest `limit` lines.
    pub after: i64,
    pub limit: u32,
}

/// Who a visitor is known to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nobody but this browser.
    #[default]
    Visitor,
    /// Came by a link, and has proved nothing.
    Invited,
    /// Came by a link, and is the contact.
    Verified,
}

/// What a visitor sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatView {
    pub standing: Standing,
    /// Oldest first.
    pub lines: Vec<ChatLine>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatLine {
    /// Public id; for the visitor's own lines the id that their window made.
    pub id: String,
    /// What receipts name; none for what went over another channel.
    pub provider_id: Option<String>,
    pub from_visitor: bool,
    pub text: String,
    pub buttons: Vec<Button>,
    pub at: Timestamp,
    /// When the visitor could first see it: stored, for theirs; accepted, for ours.
    pub visible_at: Timestamp,
    pub state: State,
}

row_struct! {
    struct LineRow {
        uid: Uid,
        provider_id: Option<String>,
        direction: String,
        text: String,
        content: Option<String>,
        at: Timestamp,
        stored_at: Timestamp,
        accepted_at: Option<Timestamp>,
        state: String,
        identity: Option<IdentityId>,
    }
}

row_struct! {
    struct VisitorRow {
        identity: IdentityId,
        proof: Proof,
        proved_at: Option<Timestamp>,
        conversation: Option<ConversationId>,
    }
}

const OWN: Sql = sql!(
    "SELECT m.uid, coalesce(p.provider_id, m.provider_id), m.direction, m.text, m.content, m.at,
            m.stored_at, m.accepted_at, m.state, m.identity_id
     FROM messages m LEFT JOIN message_parts p ON p.message_id = m.id AND p.idx = 0
     WHERE m.conversation_id = ?1 AND m.identity_id = ?2
       AND m.deleted_at IS NULL AND (m.direction = 'in' OR m.accepted_at IS NOT NULL)
       AND (m.stored_at > ?3 OR m.accepted_at > ?3 OR m.state_at > ?3)
     ORDER BY m.seq DESC LIMIT ?4"
);

// Neither notes, nor codes, nor what others said who merely had a link.
const ALL: Sql = sql!(
    "SELECT m.uid, coalesce(p.provider_id, m.provider_id), m.direction, m.text, m.content, m.at,
            m.stored_at, m.accepted_at, m.state, m.identity_id
     FROM messages m JOIN identities i ON i.id = m.identity_id
     LEFT JOIN message_parts p ON p.message_id = m.id AND p.idx = 0
     WHERE m.conversation_id = ?1 AND (m.identity_id = ?2 OR i.proof <> 'invited') AND (p.seq IS NULL OR p.seq > 0)
       AND m.deleted_at IS NULL AND (m.direction = 'in' OR m.accepted_at IS NOT NULL) AND m.direction <> 'note'
       AND (m.stored_at > ?3 OR m.accepted_at > ?3 OR m.state_at > ?3)
     ORDER BY m.seq DESC LIMIT ?4"
);

impl Unit for ChatThread {
    type Out = ChatView;

    async fn run<D: Db>(&self, db: &mut D) -> Result<ChatView> {
        let visitor: Option<VisitorRow> = db
            .row(
                sql!(
                    "SELECT i.id, i.proof, i.proved_at, c.conversation_id
                     FROM identities i JOIN contacts c ON c.id = i.contact_id
                     WHERE i.workspace_id = ?1 AND i.kind = 'webchat' AND i.scope = ?2 AND i.value = ?3"
                ),
                &vals![self.workspace, self.account.0, self.visitor.as_str()],
            )
            .await?;
        let Some(visitor) = visitor else { return Ok(ChatView::default()) };
        let standing = match visitor.proof {
            Proof::Invited => Standing::Invited,
            _ if visitor.proved_at.is_some() => Standing::Verified,
            _ => Standing::Visitor,
        };
        let Some(conversation) = visitor.conversation else {
            return Ok(ChatView { standing, lines: Vec::new() });
        };
        let read = if standing == Standing::Verified { ALL } else { OWN };
        let values = vals![conversation, visitor.identity, self.after, i64::from(self.limit)];
        let rows: Vec<LineRow> = db.rows(read, &values).await?;
        let lines = rows.into_iter().rev().map(|row| line(row, visitor.identity)).collect::<Result<_>>()?;
        Ok(ChatView { standing, lines })
    }
}

fn line(row: LineRow, visitor: IdentityId) -> Result<ChatLine> {
    let from_visitor = row.direction == "in";
    let content = row.content.as_deref().map(serde_json::from_str::<Content>).transpose();
    let content = content.map_err(|e| Error::Defect(format!("message content: {e}")))?;
    let provider_id = row.provider_id.filter(|_| row.identity == Some(visitor));
    let own_id = provider_id.as_deref().filter(|_| from_visitor).map(str::to_owned);
    Ok(ChatLine {
        id: own_id.unwrap_or_else(|| row.uid.show(MessageId::PREFIX)),
        provider_id,
        from_visitor,
        text: row.text,
        buttons: content.map(|c| c.buttons).unwrap_or_default(),
        at: row.at,
        visible_at: if from_visitor { row.stored_at } else { row.accepted_at.unwrap_or(row.stored_at) },
        state: State::parse(&row.state).unwrap_or(State::Received),
    })
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[OWN, ALL];
