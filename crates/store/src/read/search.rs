//! Finding people and conversations by what somebody types.
//!
//! A search looks at the newest hits only ([`HITS_MAX`]): it costs the same in a large workspace as in a small one, and
//! nobody reads page 20 of a search.

use std::collections::HashSet;

use everthread_core::ids::{ContactId, ConversationId, MessageId, WorkspaceId};

use crate::{Db, Engine, Result, Sql, Val, sql, vals};

/// Newest message hits that are looked at, and contacts whose name fits.
pub const HITS_MAX: u32 = 200;

/// Contacts of the workspace whose name begins with what was typed, case and marks folded.
pub(super) async fn contacts<D: Db>(db: &mut D, workspace: WorkspaceId, q: &str) -> Result<Vec<ContactId>> {
    let from = crate::search::fold(q);
    if from.is_empty() {
        return Ok(Vec::new());
    }
    let to = format!("{from}\u{10FFFF}");
    let rows = db.rows::<(ContactId,)>(NAMES, &vals![workspace, &from, &to, HITS_MAX]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

const NAMES: Sql = sql!(
    "SELECT id FROM contacts WHERE workspace_id = ?1 AND name_folded >= ?2 AND name_folded < ?3
     ORDER BY name_folded, id LIMIT ?4"
);
const OF_CONTACT: Sql = sql!("SELECT id FROM conversations WHERE contact_id = ?1 ORDER BY id DESC LIMIT 5");
const OF_MESSAGE: Sql = sql!("SELECT conversation_id FROM messages WHERE id = ?1 AND workspace_id = ?2");
const MESSAGES: Sql = sql!(
    lite: "SELECT rowid FROM message_search WHERE message_search MATCH ?1 ORDER BY rowid DESC LIMIT ?2",
    pg: "SELECT rowid FROM message_search WHERE tokens @@ CAST(?1 AS text)::tsquery ORDER BY rowid DESC LIMIT ?2",
);

/// Conversations with messages that hold every word of `q`, or whose contact's name begins with it. No order.
pub(super) async fn conversations<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    q: &str,
) -> Result<Vec<ConversationId>> {
    let mut found: HashSet<ConversationId> = HashSet::new();
    let people = contacts(db, workspace, q).await?;
    let sets: Vec<[Val<'_>; 1]> = people.iter().map(|id| vals![*id]).collect();
    for rows in db.rows_all::<(ConversationId,), 1>(OF_CONTACT, &sets).await? {
        found.extend(rows.into_iter().map(|(id,)| id));
    }
    if let Some(query) = crate::search::query(workspace, q) {
        let query = if db.engine() == Engine::Sqlite { query.lite } else { query.pg };
        let hits = db.rows::<(MessageId,)>(MESSAGES, &vals![&query, HITS_MAX]).await?;
        let sets: Vec<[Val<'_>; 2]> = hits.iter().map(|(id,)| vals![*id, workspace]).collect();
        for rows in db.rows_all::<(ConversationId,), 2>(OF_MESSAGE, &sets).await? {
            found.extend(rows.into_iter().map(|(id,)| id));
        }
    }
    Ok(found.into_iter().collect())
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[NAMES, OF_CONTACT, OF_MESSAGE, MESSAGES];
