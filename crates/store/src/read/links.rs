//! Continuation links as people see them, and as a browser's GET may.

use everthread_core::ids::{ConversationId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Sql, Unit, row_struct, sql, vals};

row_struct! {
    /// One link. Its token is known to whoever got it alone.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct LinkRow {
        pub uid: Uid,
        /// The web chat that it leads into.
        pub account_uid: Uid,
        /// Who copied it; none where it went out with a message.
        pub made_by: Option<String>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        pub revoked_at: Option<Timestamp>,
        pub opened_at: Option<Timestamp>,
        /// The visitor that it became.
        pub identity_uid: Option<Uid>,
    }
}

/// The newest links of one conversation, newest first.
#[derive(Debug)]
pub struct ConversationLinks {
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub limit: u32,
}

const OF_CONVERSATION: Sql = sql!(
    "SELECT l.uid, a.uid, u.name, l.created_at, l.expires_at, l.revoked_at, l.opened_at, i.uid
     FROM continuation_links l JOIN accounts a ON a.id = l.account_id
     LEFT JOIN users u ON u.id = l.user_id LEFT JOIN identities i ON i.id = l.identity_id
     WHERE l.conversation_id = ?1 AND l.workspace_id = ?2 ORDER BY l.id DESC LIMIT ?3"
);

impl Unit for ConversationLinks {
    type Out = Vec<LinkRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(OF_CONVERSATION, &vals![self.conversation, self.workspace, self.limit]).await
    }
}

/// Whether a link can still be opened, by its token's hash. Changes nothing.
#[derive(Debug)]
pub struct LinkIsOpen {
    pub now: Timestamp,
    pub token_hash: Vec<u8>,
}

const BY_TOKEN: Sql = sql!(
    "SELECT l.expires_at, l.revoked_at FROM continuation_links l
     JOIN accounts a ON a.id = l.account_id AND a.removed_at IS NULL WHERE l.token_hash = ?1"
);

impl Unit for LinkIsOpen {
    type Out = bool;

    async fn run<D: Db>(&self, db: &mut D) -> Result<bool> {
        let row: Option<(Timestamp, Option<Timestamp>)> =
            db.row(BY_TOKEN, &vals![self.token_hash.as_slice()]).await?;
        Ok(row.is_some_and(|(expires_at, revoked_at)| revoked_at.is_none() && expires_at > self.now))
    }
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[OF_CONVERSATION, BY_TOKEN];
