//! Removing a workspace with all its data.

use everthread_core::ids::WorkspaceId;

use crate::{Db, Result, Sql, Unit, sql, vals};

/// Removes a workspace and everything in it. People stay: they may belong to others.
#[derive(Clone, Copy, Debug)]
pub struct RemoveWorkspace {
    pub workspace: WorkspaceId,
}

/// Children before parents; every statement takes the workspace.
const STEPS: &[Sql] = &[
    sql!("DELETE FROM message_search WHERE rowid IN (SELECT id FROM messages WHERE workspace_id = ?1)"),
    sql!("DELETE FROM attempts WHERE workspace_id = ?1"),
    sql!("DELETE FROM message_parts WHERE workspace_id = ?1"),
    sql!(
        "INSERT INTO media_gone (storage_key, at) SELECT storage_key, created_at FROM media
         WHERE workspace_id = ?1 AND storage_key IS NOT NULL ON CONFLICT DO NOTHING"
    ),
    sql!("DELETE FROM media WHERE workspace_id = ?1"),
    sql!("DELETE FROM messages WHERE workspace_id = ?1"),
    sql!("DELETE FROM parked WHERE workspace_id = ?1"),
    sql!("DELETE FROM deferred WHERE workspace_id = ?1"),
    sql!("DELETE FROM timers WHERE workspace_id = ?1"),
    sql!("DELETE FROM plans WHERE workspace_id = ?1"),
    sql!("DELETE FROM history_reads WHERE workspace_id = ?1"),
    sql!("DELETE FROM history_threads WHERE workspace_id = ?1"),
    sql!("DELETE FROM gaps WHERE workspace_id = ?1"),
    sql!("DELETE FROM continuity_policies WHERE workspace_id = ?1"),
    sql!("DELETE FROM incident_events WHERE workspace_id = ?1"),
    sql!("DELETE FROM contact_merges WHERE workspace_id = ?1"),
    sql!("DELETE FROM lanes WHERE conversation_id IN (SELECT id FROM conversations WHERE workspace_id = ?1)"),
    sql!(
        "DELETE FROM conversation_labels WHERE conversation_id IN (SELECT id FROM conversations WHERE workspace_id = ?1)"
    ),
    sql!("DELETE FROM continuation_links WHERE workspace_id = ?1"),
    sql!("DELETE FROM identity_codes WHERE workspace_id = ?1"),
    sql!("DELETE FROM labels WHERE workspace_id = ?1"),
    sql!("DELETE FROM leads WHERE workspace_id = ?1"),
    sql!("DELETE FROM stages WHERE workspace_id = ?1"),
    sql!("DELETE FROM pipelines WHERE workspace_id = ?1"),
    sql!("DELETE FROM conversations WHERE workspace_id = ?1"),
    sql!("DELETE FROM consents WHERE workspace_id = ?1"),
    sql!("DELETE FROM reaches WHERE identity_id IN (SELECT id FROM identities WHERE workspace_id = ?1)"),
    sql!("DELETE FROM identities WHERE workspace_id = ?1"),
    sql!("DELETE FROM contacts WHERE workspace_id = ?1"),
    sql!("DELETE FROM problem_examples WHERE workspace_id = ?1"),
    sql!("DELETE FROM problems WHERE workspace_id = ?1"),
    sql!("DELETE FROM rules WHERE workspace_id = ?1"),
    sql!("DELETE FROM webhook_deliveries WHERE workspace_id = ?1"),
    sql!("DELETE FROM webhooks_out WHERE workspace_id = ?1"),
    sql!("DELETE FROM idempotency_keys WHERE workspace_id = ?1"),
    sql!("DELETE FROM changes WHERE workspace_id = ?1"),
    sql!("DELETE FROM audit_log WHERE workspace_id = ?1"),
    sql!("DELETE FROM api_keys WHERE workspace_id = ?1"),
    sql!("DELETE FROM memberships WHERE workspace_id = ?1"),
    sql!("DELETE FROM event_keys WHERE account_id IN (SELECT id FROM accounts WHERE workspace_id = ?1)"),
    sql!("DELETE FROM retired_secrets WHERE account_id IN (SELECT id FROM accounts WHERE workspace_id = ?1)"),
    sql!("DELETE FROM accounts WHERE workspace_id = ?1"),
    sql!("DELETE FROM workspaces WHERE id = ?1"),
];

impl Unit for RemoveWorkspace {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.lock(&[self.workspace]).await?;
        for step in STEPS {
            db.exec(*step, &vals![self.workspace]).await?;
        }
        Ok(())
    }
}
