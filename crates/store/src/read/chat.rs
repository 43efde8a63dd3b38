//! A visitor's own view of their thread: what went over this web chat, nothing else.

use everthread_core::content::{Button, Content};
use everthread_core::ids::{AccountId, MessageId, Uid, WorkspaceId};
use everthread_core::state::State;
use everthread_core::time::Timestamp;

use crate::{Db, Error, Result, Unit, row_struct, sql, vals};

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

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatLine {
    /// Public id; for the visitor's own lines the id that their window made.
    pub id: String,
    /// What receipts name.
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
    }
}

impl Unit for ChatThread {
    type Out = Vec<ChatLine>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<ChatLine>> {
        let identity: Option<(i64, Option<i64>)> = db
            .row(
                sql!(
                    "SELECT i.id, c.conversation_id FROM identities i JOIN contacts c ON c.id = i.contact_id
                     WHERE i.workspace_id = ?1 AND i.kind = 'webchat' AND i.scope = ?2 AND i.value = ?3"
                ),
                &vals![self.workspace.0, self.account.0, self.visitor.as_str()],
            )
            .await?;
        let Some((identity, Some(conversation))) = identity else { return Ok(Vec::new()) };
        let rows: Vec<LineRow> = db
            .rows(
                sql!(
                    "SELECT m.uid, coalesce(p.provider_id, m.provider_id), m.direction, m.text, m.content, m.at,
                            m.stored_at, m.accepted_at, m.state
                     FROM messages m LEFT JOIN message_parts p ON p.message_id = m.id AND p.idx = 0
                     WHERE m.conversation_id = ?1 AND m.identity_id = ?2 AND m.account_id = ?3
                       AND m.deleted_at IS NULL AND (m.direction = 'in' OR m.accepted_at IS NOT NULL)
                       AND (m.stored_at > ?4 OR m.accepted_at > ?4 OR m.state_at > ?4)
                     ORDER BY m.seq DESC LIMIT ?5"
                ),
                &vals![conversation, identity, self.account.0, self.after, i64::from(self.limit)],
            )
            .await?;
        rows.into_iter().rev().map(line).collect()
    }
}

fn line(row: LineRow) -> Result<ChatLine> {
    let from_visitor = row.direction == "in";
    let content = row.content.as_deref().map(serde_json::from_str::<Content>).transpose();
    let content = content.map_err(|e| Error::Defect(format!("message content: {e}")))?;
    let own_id = row.provider_id.as_deref().filter(|_| from_visitor).map(str::to_owned);
    Ok(ChatLine {
        id: own_id.unwrap_or_else(|| row.uid.show(MessageId::PREFIX)),
        provider_id: row.provider_id,
        from_visitor,
        text: row.text,
        buttons: content.map(|c| c.buttons).unwrap_or_default(),
        at: row.at,
        visible_at: if from_visitor { row.stored_at } else { row.accepted_at.unwrap_or(row.stored_at) },
        state: State::parse(&row.state).unwrap_or(State::Received),
    })
}
