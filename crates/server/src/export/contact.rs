//! Everything about one contact, as one JSON document.

use everthread_core::ids::{ContactId, WorkspaceId};
use everthread_store::read::export::{ConversationMessages, ExportContact};
use everthread_store::{Error, Store};
use serde_json::{Map, Value, json};

use super::cells::Row;
use super::{PAGE_ROWS, messages, rows};

/// All of a contact: what is known, consents, leads, conversations with every message, and a list of all files.
pub async fn contact(store: &Store, workspace: WorkspaceId, contact: ContactId) -> Result<Value, Error> {
    let all = store.read(ExportContact { workspace, contact }).await?;
    let mut conversations = Vec::new();
    let mut files = Vec::new();
    for row in all.conversations {
        let conversation = row.id;
        let mut shown = object(rows::CONVERSATIONS, rows::conversation(row));
        let (mut said, mut after) = (Vec::new(), 0);
        loop {
            let page = ConversationMessages { workspace, conversation, after, limit: PAGE_ROWS };
            let page = store.read(page).await?;
            let count = page.len() as i64;
            after += count;
            for message in page {
                let message = object(messages::COLUMNS, messages::row(message));
                files.extend(message["attachments"].as_array().into_iter().flatten().cloned());
                said.push(Value::Object(message));
            }
            if count < i64::from(PAGE_ROWS) {
                break;
            }
        }
        shown.insert("said".to_owned(), Value::Array(said));
        conversations.push(Value::Object(shown));
    }
    let leads: Vec<Value> =
        all.leads.into_iter().map(|row| Value::Object(object(rows::LEADS, rows::lead(row)))).collect();
    let about = object(rows::CONTACTS, rows::contact((all.contact, all.identities, all.consents)));
    Ok(json!({ "contact": about, "leads": leads, "conversations": conversations, "media": files }))
}

fn object(columns: &[&str], row: Row) -> Map<String, Value> {
    columns.iter().map(|name| (*name).to_owned()).zip(row.0).collect()
}
