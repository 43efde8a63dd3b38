-- People and programs: what a workspace knows of them, second factors, single sign-on; and small debts of the first steps.

-- Disabled in this workspace only: another one's admin can't lock a person out of everything.
ALTER TABLE memberships ADD COLUMN disabled_at {int};
ALTER TABLE api_keys ADD COLUMN created_by {int};
-- started_by: password, link or sso. A session of a fresh link may set a password without the old one.
ALTER TABLE login_sessions ADD COLUMN started_by {text} NOT NULL DEFAULT 'password';
-- 1: who has no second factor reaches nothing in this workspace but the page that sets one up.
ALTER TABLE workspaces ADD COLUMN totp_required {int} NOT NULL DEFAULT 0;

-- secret: sealed. step: the last 30 s step whose code was used; a code works once (RFC 6238, section 5.2).
CREATE TABLE second_factors (
  user_id {id} REFERENCES users (id),
  secret {blob} NOT NULL,
  created_at {int} NOT NULL,
  confirmed_at {int},
  step {int} NOT NULL
) {strict};

-- hash: SHA-256 of a code of 80 random bits; a row is deleted when its code is used.
CREATE TABLE recovery_codes (
  user_id {int} NOT NULL REFERENCES users (id),
  hash {blob} NOT NULL,
  PRIMARY KEY (user_id, hash)
) {clustered};

-- Sign-ins whose first step succeeded and whose second is still to come.
CREATE TABLE sign_in_steps (
  token_hash {blob} NOT NULL PRIMARY KEY,
  user_id {int} NOT NULL REFERENCES users (id),
  started_by {text} NOT NULL,
  expires_at {int} NOT NULL
) {clustered};
CREATE INDEX sign_in_steps_user ON sign_in_steps (user_id);

-- Sign-ins that are at the identity provider. Taken out by the answer, so that a state works once.
CREATE TABLE sso_requests (
  state_hash {blob} NOT NULL PRIMARY KEY,
  nonce {text} NOT NULL,
  verifier {blob} NOT NULL,
  next {text} NOT NULL,
  expires_at {int} NOT NULL
) {clustered};

-- Who a provider's subject is here; made at the first sign-in, by verified e-mail address.
CREATE TABLE sso_identities (
  issuer {text} NOT NULL,
  subject {text} NOT NULL,
  user_id {int} NOT NULL REFERENCES users (id),
  PRIMARY KEY (issuer, subject)
) {clustered};
