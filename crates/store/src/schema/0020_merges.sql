-- Contacts that were merged into another. The row of the one that went is here and nowhere else (so no reader has to pass
-- over it), with all that moved, until the merge is taken back. body: JSON of units/contacts.
CREATE TABLE contact_merges (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  kept_id {int} NOT NULL,
  gone_id {int} NOT NULL,
  gone_uid {blob} NOT NULL,
  user_id {int},
  at {int} NOT NULL,
  body {text} NOT NULL
) {strict};
CREATE INDEX contact_merges_kept ON contact_merges (kept_id, id);
CREATE INDEX contact_merges_gone ON contact_merges (workspace_id, gone_uid);

-- Objects of files whose rows are gone: they are removed, then their line here.
CREATE TABLE media_gone (
  storage_key {text} NOT NULL PRIMARY KEY,
  at {int} NOT NULL
) {clustered};
