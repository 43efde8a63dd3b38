-- Marks are expanded per engine (schema/mod.rs): {id} {int} {real} {text} {blob} are column types, {strict} and
-- {clustered} end a table. A line that begins with "--lite " or "--pg " is for that engine alone.
-- Times are microseconds, booleans 0 or 1, public ids 16 bytes, JSON opaque text that no statement looks into.
-- Hot tables (messages, parts, attempts, changes, event keys) declare no foreign keys: each would cost a look-up
-- per insert on SQLite and a lock on the parent row on PostgreSQL, and only units of work write them.

-- Internal ids of all tables come from one source, reserved in blocks, so a unit knows them before it writes.
--lite CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
--lite INSERT INTO counters (name, value) VALUES ('ids', 0);
--pg CREATE SEQUENCE ids INCREMENT BY 4096 START WITH 1 CACHE 1;
--pg CREATE TABLE counters (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, value BIGINT NOT NULL);

CREATE TABLE workspaces (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  name {text} NOT NULL,
  slug {text} NOT NULL UNIQUE,
  change_seq {int} NOT NULL DEFAULT 0,
  created_at {int} NOT NULL
) {strict};

CREATE TABLE users (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  email {text} NOT NULL UNIQUE,
  name {text} NOT NULL,
  password_hash {text},
  created_at {int} NOT NULL,
  disabled_at {int}
) {strict};

CREATE TABLE memberships (
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  user_id {int} NOT NULL REFERENCES users (id),
  role {text} NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
  created_at {int} NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) {clustered};
CREATE INDEX memberships_user ON memberships (user_id, workspace_id);

CREATE TABLE login_sessions (
  id {id},
  token_hash {blob} NOT NULL UNIQUE,
  user_id {int} NOT NULL REFERENCES users (id),
  csrf {text} NOT NULL,
  created_at {int} NOT NULL,
  seen_at {int} NOT NULL,
  expires_at {int} NOT NULL
) {strict};
CREATE INDEX login_sessions_user ON login_sessions (user_id);
CREATE INDEX login_sessions_expires ON login_sessions (expires_at);

CREATE TABLE sign_in_links (
  id {id},
  token_hash {blob} NOT NULL UNIQUE,
  user_id {int} NOT NULL REFERENCES users (id),
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  used_at {int}
) {strict};

CREATE TABLE api_keys (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  name {text} NOT NULL,
  token_hash {blob} NOT NULL UNIQUE,
  role {text} NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
  created_at {int} NOT NULL,
  seen_at {int},
  revoked_at {int}
) {strict};
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, id);

-- A path under /hooks/<channel>/. Not of one workspace: one Meta app may serve accounts of several.
CREATE TABLE endpoints (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  channel {text} NOT NULL,
  path_key {text} NOT NULL UNIQUE,
  secrets {blob},
  created_at {int} NOT NULL,
  removed_at {int}
) {strict};

CREATE TABLE accounts (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  endpoint_id {int} NOT NULL REFERENCES endpoints (id),
  channel {text} NOT NULL,
  external_id {text},
  name {text} NOT NULL,
  settings {text} NOT NULL,
  secrets {blob},
  sandbox {int} NOT NULL DEFAULT 0 CHECK (sandbox IN (0, 1)),
  stopped_at {int},
  stopped_reason {text},
  created_at {int} NOT NULL,
  removed_at {int},
  last_in_at {int},
  last_out_at {int}
) {strict};
CREATE INDEX accounts_workspace ON accounts (workspace_id, id);
CREATE INDEX accounts_endpoint ON accounts (endpoint_id, external_id);

CREATE TABLE contacts (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  name {text},
  name_folded {text},
  locale {text},
  fields {text} NOT NULL DEFAULT '{}',
  labels {text} NOT NULL DEFAULT '[]',
  conversation_id {int},
  stopped_at {int},
  sandbox {int} NOT NULL DEFAULT 0 CHECK (sandbox IN (0, 1)),
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  last_in_at {int}
) {strict};
CREATE INDEX contacts_recent ON contacts (workspace_id, id);
CREATE INDEX contacts_name ON contacts (workspace_id, name_folded, id);

-- scope: the account a scoped address belongs to, 0 for a global one.
CREATE TABLE identities (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  contact_id {int} NOT NULL,
  scope {int} NOT NULL,
  kind {text} NOT NULL,
  value {text} NOT NULL,
  username {text},
  proof {text} NOT NULL CHECK (proof IN ('claimed', 'invited', 'verified')),
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX identities_value ON identities (workspace_id, kind, scope, value);
CREATE INDEX identities_contact ON identities (contact_id);

-- What one account knows of one identity: when it last heard from it (the reply window) and whether it may write.
CREATE TABLE reaches (
  identity_id {int} NOT NULL,
  account_id {int} NOT NULL,
  last_in_at {int},
  reachable {int} NOT NULL DEFAULT 1 CHECK (reachable IN (0, 1)),
  reason {text},
  changed_at {int} NOT NULL,
  PRIMARY KEY (identity_id, account_id)
) {clustered};

CREATE TABLE consents (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  contact_id {int} NOT NULL,
  identity_id {int} NOT NULL,
  purpose {text} NOT NULL,
  wording {text} NOT NULL,
  source {text} NOT NULL,
  given_at {int} NOT NULL,
  withdrawn_at {int},
  withdrawn_by {text}
) {strict};
CREATE INDEX consents_contact ON consents (contact_id, id);
CREATE INDEX consents_identity ON consents (identity_id, id);

CREATE TABLE conversations (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  contact_id {int} NOT NULL,
  status {text} NOT NULL CHECK (status IN ('open', 'pending', 'snoozed', 'resolved')),
  owner_kind {text} NOT NULL CHECK (owner_kind IN ('nobody', 'bot', 'person')),
  owner_user_id {int},
  owner_version {int} NOT NULL,
  route_identity_id {int},
  route_account_id {int},
  channel {text} NOT NULL,
  seq {int} NOT NULL DEFAULT 0,
  last_message_id {int},
  last_at {int} NOT NULL,
  last_in_at {int},
  waiting_since {int},
  unread {int} NOT NULL DEFAULT 0,
  snoozed_until {int},
  question {text},
  labels {text} NOT NULL DEFAULT '[]',
  sandbox {int} NOT NULL DEFAULT 0 CHECK (sandbox IN (0, 1)),
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  resolved_at {int}
) {strict};
CREATE INDEX conversations_contact ON conversations (contact_id, id);
CREATE INDEX conversations_all ON conversations (workspace_id, last_at, id);
CREATE INDEX conversations_status ON conversations (workspace_id, status, last_at, id);
CREATE INDEX conversations_unassigned ON conversations (workspace_id, last_at, id)
  WHERE owner_kind = 'nobody' AND status = 'open';
CREATE INDEX conversations_mine ON conversations (workspace_id, owner_user_id, last_at, id)
  WHERE owner_user_id IS NOT NULL AND status = 'open';
CREATE INDEX conversations_channel ON conversations (workspace_id, channel, last_at, id);
CREATE INDEX conversations_snoozed ON conversations (snoozed_until)
  WHERE status = 'snoozed' AND snoozed_until IS NOT NULL;

-- text stands apart from content so that lists need no JSON; content (JSON of core's Content) is null when
-- there is only text; of a part, when it is the whole message's.
-- provider_key: the first 8 bytes of a hash of provider_id, so the index is small; readers compare provider_id too.
CREATE TABLE messages (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  conversation_id {int} NOT NULL,
  seq {int} NOT NULL,
  direction {text} NOT NULL CHECK (direction IN ('in', 'out', 'note')),
  author_kind {text} NOT NULL CHECK (author_kind IN ('customer', 'person', 'bot', 'app', 'system')),
  author_user_id {int},
  author_rule_id {int},
  account_id {int},
  identity_id {int},
  provider_id {text},
  provider_key {int},
  text {text} NOT NULL,
  content {text},
  reply_to {text},
  postback {text},
  referral {text},
  class {text} NOT NULL,
  state {text} NOT NULL,
  state_at {int} NOT NULL,
  accepted_at {int},
  delivered_at {int},
  read_at {int},
  failed_at {int},
  parts {int} NOT NULL DEFAULT 0,
  late {int} NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
  at {int} NOT NULL,
  stored_at {int} NOT NULL,
  edited_at {int},
  deleted_at {int},
  reactions {text},
  client_id {text},
  error_class {text},
  error_code {text},
  error_text {text}
) {strict};
CREATE UNIQUE INDEX messages_seq ON messages (conversation_id, seq);
CREATE INDEX messages_provider ON messages (account_id, provider_key) WHERE provider_key IS NOT NULL;
CREATE UNIQUE INDEX messages_client ON messages (workspace_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX messages_workspace ON messages (workspace_id, id);

-- unsent: the part still blocks its lane (queued, held, sending, uncertain). The lane is those parts by (seq, idx).
-- due_at: when a retry may start, or an uncertain outcome ends. expires_at: when an unsent part has lost its meaning or
-- goes back to its author. uid: the correlation given to the provider.
CREATE TABLE message_parts (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  conversation_id {int} NOT NULL,
  message_id {int} NOT NULL,
  seq {int} NOT NULL,
  idx {int} NOT NULL,
  account_id {int} NOT NULL,
  identity_id {int} NOT NULL,
  class {text} NOT NULL,
  author {text} NOT NULL CHECK (author IN ('person', 'bot', 'broadcast', 'notice')),
  owner_version {int},
  second_copy {int} NOT NULL DEFAULT 0 CHECK (second_copy IN (0, 1)),
  state {text} NOT NULL,
  state_at {int} NOT NULL,
  unsent {int} NOT NULL CHECK (unsent IN (0, 1)),
  content {text},
  text_hash {int},
  reaction {text},
  provider_id {text},
  provider_key {int},
  attempts {int} NOT NULL DEFAULT 0,
  attempt_id {int},
  queued_at {int} NOT NULL,
  due_at {int},
  worth_until {int},
  expires_at {int} NOT NULL,
  reason {text},
  accepted_at {int},
  delivered_at {int},
  read_at {int},
  failed_at {int},
  error_class {text},
  error_code {text},
  error_text {text}
) {strict};
CREATE INDEX message_parts_message ON message_parts (message_id, idx);
CREATE INDEX message_parts_lane ON message_parts (conversation_id, seq, idx) WHERE unsent = 1;
CREATE INDEX message_parts_due ON message_parts (due_at, id) WHERE unsent = 1 AND due_at IS NOT NULL;
CREATE INDEX message_parts_expires ON message_parts (expires_at, id) WHERE unsent = 1;
CREATE INDEX message_parts_provider ON message_parts (account_id, provider_key) WHERE provider_key IS NOT NULL;
CREATE INDEX message_parts_identity ON message_parts (identity_id, id) WHERE unsent = 1;
CREATE INDEX message_parts_unconfirmed ON message_parts (identity_id, id) WHERE state = 'unconfirmed';

CREATE TABLE attempts (
  id {id},
  uid {blob} NOT NULL,
  workspace_id {int} NOT NULL,
  message_id {int} NOT NULL,
  part_id {int} NOT NULL,
  number {int} NOT NULL,
  account_id {int} NOT NULL,
  fence {int} NOT NULL,
  lease_until {int} NOT NULL,
  started_at {int} NOT NULL,
  ended_at {int},
  outcome {text} NOT NULL,
  class {text},
  code {text},
  text {text},
  provider_id {text},
  request {text},
  answer {text},
  retry_at {int}
) {strict};
CREATE INDEX attempts_message ON attempts (message_id, id);
CREATE INDEX attempts_sending ON attempts (id) WHERE ended_at IS NULL;

-- Who works on a conversation's lane. One process owns all of them until there is a cluster; a claim with an older
-- fence is refused.
CREATE TABLE lanes (
  conversation_id {int} NOT NULL PRIMARY KEY,
  owner {text} NOT NULL,
  lease_until {int} NOT NULL,
  fence {int} NOT NULL
) {clustered};

-- Events about something of ours that is not there yet: matched later, or turned into what they are at expires_at.
CREATE TABLE parked (
  id {id},
  workspace_id {int} NOT NULL,
  account_id {int} NOT NULL,
  kind {text} NOT NULL,
  provider_key {int},
  identity_id {int},
  event {text} NOT NULL,
  record {int} NOT NULL,
  idx {int} NOT NULL,
  received_at {int} NOT NULL,
  automation {int} NOT NULL CHECK (automation IN (0, 1)),
  expires_at {int} NOT NULL
) {strict};
CREATE INDEX parked_provider ON parked (account_id, provider_key) WHERE provider_key IS NOT NULL;
CREATE INDEX parked_identity ON parked (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX parked_expires ON parked (expires_at, id);

-- Items that may not hold up the journal's window any longer; later items of the same conversation go behind them.
CREATE TABLE deferred (
  id {id},
  workspace_id {int} NOT NULL,
  account_id {int} NOT NULL,
  record {int} NOT NULL,
  idx {int} NOT NULL,
  event {text} NOT NULL,
  received_at {int} NOT NULL,
  automation {int} NOT NULL CHECK (automation IN (0, 1)),
  reason {text} NOT NULL,
  tries {int} NOT NULL DEFAULT 0,
  next_at {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX deferred_item ON deferred (account_id, record, idx);
CREATE INDEX deferred_due ON deferred (next_at, id);

CREATE TABLE media (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  message_id {int},
  account_id {int},
  idx {int} NOT NULL,
  kind {text} NOT NULL,
  mime {text},
  name {text},
  size {int},
  source {text},
  note {text},
  state {text} NOT NULL CHECK (state IN ('pending', 'ready', 'failed', 'gone')),
  storage_key {text},
  tries {int} NOT NULL DEFAULT 0,
  next_at {int},
  reason {text},
  created_at {int} NOT NULL
) {strict};
CREATE INDEX media_message ON media (message_id, idx) WHERE message_id IS NOT NULL;
CREATE INDEX media_due ON media (next_at, id) WHERE state = 'pending' AND next_at IS NOT NULL;

CREATE TABLE problems (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int},
  account_id {int},
  endpoint_id {int},
  channel {text},
  dedupe {blob} NOT NULL UNIQUE,
  reason {text} NOT NULL,
  raw {text} NOT NULL,
  record {int},
  idx {int},
  at {int} NOT NULL,
  replayed_at {int}
) {strict};
CREATE INDEX problems_workspace ON problems (workspace_id, id);

CREATE TABLE cursors (
  name {text} NOT NULL PRIMARY KEY,
  value {text} NOT NULL
) {clustered};

CREATE TABLE changes (
  workspace_id {int} NOT NULL,
  number {int} NOT NULL,
  kind {text} NOT NULL,
  uid {blob} NOT NULL,
  conversation_uid {blob},
  at {int} NOT NULL,
  PRIMARY KEY (workspace_id, number)
) {clustered};

CREATE TABLE idempotency_keys (
  workspace_id {int} NOT NULL,
  key {text} NOT NULL,
  request_hash {blob} NOT NULL,
  status {int},
  body {text},
  created_at {int} NOT NULL,
  PRIMARY KEY (workspace_id, key)
) {clustered};
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE rules (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  name {text} NOT NULL,
  enabled {int} NOT NULL CHECK (enabled IN (0, 1)),
  position {int} NOT NULL,
  body {text} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL
) {strict};
CREATE INDEX rules_workspace ON rules (workspace_id, position, id);

CREATE TABLE pipelines (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  name {text} NOT NULL,
  position {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX pipelines_name ON pipelines (workspace_id, name);

CREATE TABLE stages (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  pipeline_id {int} NOT NULL REFERENCES pipelines (id),
  name {text} NOT NULL,
  position {int} NOT NULL,
  kind {text} NOT NULL CHECK (kind IN ('open', 'won', 'lost'))
) {strict};
CREATE UNIQUE INDEX stages_name ON stages (pipeline_id, name);
CREATE INDEX stages_workspace ON stages (workspace_id, pipeline_id, position);

CREATE TABLE leads (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  contact_id {int} NOT NULL,
  conversation_id {int},
  pipeline_id {int} NOT NULL,
  stage_id {int} NOT NULL,
  fields {text} NOT NULL DEFAULT '{}',
  channel {text},
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX leads_contact ON leads (contact_id, pipeline_id);
CREATE INDEX leads_stage ON leads (workspace_id, stage_id, updated_at, id);
CREATE INDEX leads_recent ON leads (workspace_id, updated_at, id);

CREATE TABLE labels (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  name {text} NOT NULL,
  created_at {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX labels_name ON labels (workspace_id, name);

-- The same labels as in conversations.labels, for the list filter.
CREATE TABLE conversation_labels (
  label_id {int} NOT NULL,
  conversation_id {int} NOT NULL,
  PRIMARY KEY (label_id, conversation_id)
) {clustered};
CREATE INDEX conversation_labels_conversation ON conversation_labels (conversation_id);

CREATE TABLE timers (
  id {id},
  workspace_id {int} NOT NULL,
  conversation_id {int},
  kind {text} NOT NULL,
  body {text} NOT NULL,
  due_at {int} NOT NULL
) {strict};
CREATE INDEX timers_due ON timers (due_at, id);
CREATE INDEX timers_conversation ON timers (conversation_id);

-- Where a workspace wants to be called. secret: sealed.
CREATE TABLE webhooks_out (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL REFERENCES workspaces (id),
  name {text} NOT NULL,
  url {text} NOT NULL,
  secret {blob},
  created_at {int} NOT NULL,
  removed_at {int}
) {strict};
CREATE INDEX webhooks_out_workspace ON webhooks_out (workspace_id, id);

-- event_id: (event, rule, action) of automation, so a receiver recognises a repeat.
CREATE TABLE webhook_deliveries (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  webhook_id {int} NOT NULL,
  event_id {text} NOT NULL,
  body {text} NOT NULL,
  state {text} NOT NULL CHECK (state IN ('queued', 'done', 'failed')),
  tries {int} NOT NULL DEFAULT 0,
  next_at {int},
  last_status {int},
  last_error {text},
  created_at {int} NOT NULL,
  ended_at {int}
) {strict};
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (workspace_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at, id) WHERE state = 'queued';

CREATE TABLE audit_log (
  id {id},
  uid {blob} NOT NULL,
  workspace_id {int},
  at {int} NOT NULL,
  user_id {int},
  action {text} NOT NULL,
  object {text} NOT NULL,
  detail {text} NOT NULL
) {strict};
CREATE INDEX audit_log_workspace ON audit_log (workspace_id, id);

-- One row per provider event that was taken in (I3). They outlive the messages.
CREATE TABLE event_keys (
  account_id {int} NOT NULL,
  hash {blob} NOT NULL,
  PRIMARY KEY (account_id, hash)
) {clustered};

-- Search over our own tokens (search.rs), the only table that differs in kind.
--lite CREATE VIRTUAL TABLE message_search USING fts5 (tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
--pg CREATE TABLE message_search (rowid BIGINT NOT NULL PRIMARY KEY, tokens TSVECTOR NOT NULL);
--pg CREATE INDEX message_search_tokens ON message_search USING gin (tokens);
