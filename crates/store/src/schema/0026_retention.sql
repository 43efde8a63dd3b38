-- After how many days a closed conversation in which nothing happened is removed; null: never.
ALTER TABLE workspaces ADD COLUMN retention_days {int};
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (workspace_id, ended_at) WHERE ended_at IS NOT NULL;
