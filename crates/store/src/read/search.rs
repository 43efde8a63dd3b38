//! Finding people and conversations by what somebody types.
//!
//! A search looks at the newest hits only ([`HITS_MAX`]): it costs the same in a large workspace as in a small one, and
//! nobody reads page 20 of a search.

use std::collections::HashSet;

use everthread_core::ids::{ContactId, ConversationId, MessageId, WorkspaceId};
use everthread_core::limits::SEARCH_LOOK_MAX;

use crate::search::Asked;
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

/// Of a long text only the beginning is looked through.
const NEWEST: Sql = sql!(
    "SELECT conversation_id, substr(text, 1, 2000) FROM messages WHERE workspace_id = ?1 ORDER BY id DESC LIMIT ?2"
);
const TEXT_OF_MESSAGE: Sql =
    sql!("SELECT conversation_id, substr(text, 1, 2000) FROM messages WHERE id = ?1 AND workspace_id = ?2");

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
    if let Some(asked) = crate::search::ask(workspace, q) {
        if asked.is_for_index() {
            let hits = hits(db, &asked, HITS_MAX).await?;
            let sets: Vec<[Val<'_>; 2]> = hits.iter().map(|id| vals![*id, workspace]).collect();
            for rows in db.rows_all::<(ConversationId,), 2>(OF_MESSAGE, &sets).await? {
                found.extend(rows.into_iter().map(|(id,)| id));
            }
        } else {
            found.extend(with_short_words(db, workspace, &asked).await?);
        }
    }
    Ok(found.into_iter().collect())
}

async fn hits<D: Db>(db: &mut D, asked: &Asked, limit: u32) -> Result<Vec<MessageId>> {
    let Some(query) = &asked.index else { return Ok(Vec::new()) };
    let query = if db.engine() == Engine::Sqlite { &query.lite } else { &query.pg };
    let rows = db.rows::<(MessageId,)>(MESSAGES, &vals![query, limit]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Conversations of the newest messages whose text holds the short words: among the index's hits for the other words, or
/// among all messages where there are none.
async fn with_short_words<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    asked: &Asked,
) -> Result<Vec<ConversationId>> {
    let looked: Vec<(ConversationId, String)> = if asked.index.is_some() {
        let hits = hits(db, asked, SEARCH_LOOK_MAX).await?;
        let sets: Vec<[Val<'_>; 2]> = hits.iter().map(|id| vals![*id, workspace]).collect();
        db.rows_all(TEXT_OF_MESSAGE, &sets).await?.into_iter().flatten().collect()
    } else {
        db.rows(NEWEST, &vals![workspace, SEARCH_LOOK_MAX]).await?
    };
    let fitting = looked.into_iter().filter(|(_, text)| asked.fits(text)).map(|(id, _)| id);
    Ok(fitting.take(HITS_MAX as usize).collect())
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[NAMES, OF_CONTACT, OF_MESSAGE, MESSAGES, NEWEST, TEXT_OF_MESSAGE];
