-- Signed ways from another channel into the web chat. Only the token's hash is kept. over_identity_id: where we sent it; null for
-- one that a person copied. opened_at, identity_id: the web chat visitor that it became, once.
CREATE TABLE continuation_links (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  conversation_id {int} NOT NULL,
  account_id {int} NOT NULL,
  incident_id {int},
  user_id {int},
  over_identity_id {int},
  token_hash {blob} NOT NULL UNIQUE,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  revoked_at {int},
  opened_at {int},
  identity_id {int}
) {strict};
CREATE INDEX continuation_links_conversation ON continuation_links (conversation_id, id);
CREATE INDEX continuation_links_identity ON continuation_links (identity_id) WHERE identity_id IS NOT NULL;

-- One-time codes. The digits are in no table: the server makes them from uid and its key file.
CREATE TABLE identity_codes (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  contact_id {int} NOT NULL,
  identity_id {int} NOT NULL,
  over_identity_id {int} NOT NULL,
  over_account_id {int} NOT NULL,
  message_id {int} NOT NULL,
  sent_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  tries {int} NOT NULL DEFAULT 0,
  ended_at {int}
) {strict};
CREATE INDEX identity_codes_identity ON identity_codes (identity_id, id);
CREATE INDEX identity_codes_contact ON identity_codes (contact_id, id);

-- How an invited identity was proved to be the contact's: by 'code' or by 'person'. Only such a web chat visitor reads history.
ALTER TABLE identities ADD COLUMN proved_at {int};
ALTER TABLE identities ADD COLUMN proved_by {text};

-- message_parts.seq is negative for what stands aside from the talk (a one-time code): it goes before everything that waits, waits
-- for nothing but a call under way, holds nothing up and moves to no other route.
