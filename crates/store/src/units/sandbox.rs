//! Removing everything that simulated customers left.

use everthread_core::ids::WorkspaceId;
use everthread_core::time::Timestamp;

use super::After;
use super::feed::restart_feed;
use crate::{Db, Result, Sql, Unit, sql, vals};

/// Removes simulated contacts with all that hangs on them, and the simulated accounts, from one workspace.
#[derive(Clone, Debug)]
pub struct EraseSandbox {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
}

/// What was removed.
#[derive(Clone, Debug, Default)]
pub struct SandboxErased {
    pub contacts: u64,
    pub messages: u64,
    pub accounts: u64,
    pub after: After,
}

/// Children before parents. Every statement takes the workspace.
const STEPS: &[Sql] = &[
    sql!(
        "DELETE FROM attempts WHERE workspace_id = ?1 AND message_id IN (SELECT m.id FROM messages m
         JOIN conversations c ON c.id = m.conversation_id WHERE c.workspace_id = ?1 AND c.sandbox = 1)"
    ),
    sql!(
        "DELETE FROM message_parts WHERE workspace_id = ?1 AND conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM message_search WHERE rowid IN (SELECT m.id FROM messages m
         JOIN conversations c ON c.id = m.conversation_id WHERE c.workspace_id = ?1 AND c.sandbox = 1)"
    ),
    sql!(
        "INSERT INTO media_gone (storage_key, at) SELECT f.storage_key, f.created_at FROM media f
         JOIN messages m ON m.id = f.message_id JOIN conversations c ON c.id = m.conversation_id
         WHERE c.workspace_id = ?1 AND c.sandbox = 1 AND f.storage_key IS NOT NULL ON CONFLICT DO NOTHING"
    ),
    sql!(
        "DELETE FROM media WHERE workspace_id = ?1 AND message_id IN (SELECT m.id FROM messages m
         JOIN conversations c ON c.id = m.conversation_id WHERE c.workspace_id = ?1 AND c.sandbox = 1)"
    ),
    sql!(
        "DELETE FROM conversation_labels WHERE conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM timers WHERE workspace_id = ?1 AND conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM plans WHERE workspace_id = ?1 AND conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM contact_merges WHERE workspace_id = ?1 AND kept_id IN
         (SELECT id FROM contacts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM continuation_links WHERE workspace_id = ?1 AND conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM identity_codes WHERE workspace_id = ?1 AND contact_id IN
         (SELECT id FROM contacts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM lanes WHERE conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM leads WHERE workspace_id = ?1 AND contact_id IN
         (SELECT id FROM contacts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM consents WHERE workspace_id = ?1 AND contact_id IN
         (SELECT id FROM contacts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM reaches WHERE identity_id IN (SELECT i.id FROM identities i
         JOIN contacts c ON c.id = i.contact_id WHERE c.workspace_id = ?1 AND c.sandbox = 1)"
    ),
    sql!(
        "DELETE FROM identities WHERE workspace_id = ?1 AND contact_id IN
         (SELECT id FROM contacts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM parked WHERE workspace_id = ?1 AND account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM deferred WHERE workspace_id = ?1 AND account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM history_reads WHERE workspace_id = ?1 AND account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM history_threads WHERE workspace_id = ?1 AND account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM gaps WHERE workspace_id = ?1 AND conversation_id IN
         (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM problem_examples WHERE workspace_id = ?1 AND account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    sql!(
        "DELETE FROM retired_secrets WHERE account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)"
    ),
    // A rule that failed for real customers too keeps its problem.
    sql!(
        "DELETE FROM problems WHERE workspace_id = ?1 AND account_id IN
         (SELECT id FROM accounts WHERE workspace_id = ?1 AND sandbox = 1)
         AND NOT EXISTS (SELECT 1 FROM problem_examples e WHERE e.problem_id = problems.id)"
    ),
];

impl Unit for EraseSandbox {
    type Out = SandboxErased;

    async fn run<D: Db>(&self, db: &mut D) -> Result<SandboxErased> {
        db.lock(&[self.workspace]).await?;
        for step in STEPS {
            db.exec(*step, &vals![self.workspace]).await?;
        }
        let messages = db
            .exec(
                sql!(
                    "DELETE FROM messages WHERE workspace_id = ?1 AND conversation_id IN
                     (SELECT id FROM conversations WHERE workspace_id = ?1 AND sandbox = 1)"
                ),
                &vals![self.workspace],
            )
            .await?;
        db.exec(
            sql!("DELETE FROM conversations WHERE workspace_id = ?1 AND sandbox = 1"),
            &vals![self.workspace],
        )
        .await?;
        let contacts = db
            .exec(
                sql!("DELETE FROM contacts WHERE workspace_id = ?1 AND sandbox = 1"),
                &vals![self.workspace],
            )
            .await?;
        let accounts = db
            .exec(
                sql!(
                    "UPDATE accounts SET removed_at = ?2, secrets = NULL
                     WHERE workspace_id = ?1 AND sandbox = 1 AND removed_at IS NULL"
                ),
                &vals![self.workspace, self.now],
            )
            .await?;
        let number = restart_feed(db, self.workspace).await?;
        let after = After { changes: vec![(self.workspace, number)], ..After::default() };
        Ok(SandboxErased { contacts, messages, accounts, after })
    }
}
