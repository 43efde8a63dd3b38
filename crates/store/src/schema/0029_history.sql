-- Reading back what a platform holds of one account after an incident. since: messages from then on. cursor: the next page of
-- its conversations, null at the first. tries: readings that left something unread. due_at: null when nothing is left to do.
-- listed: every conversation of the time was named.
CREATE TABLE history_reads (
  incident_id {int} NOT NULL,
  account_id {int} NOT NULL,
  workspace_id {int} NOT NULL,
  since {int} NOT NULL,
  state {text} NOT NULL CHECK (state IN ('listing', 'reading', 'done')),
  listed {int} NOT NULL DEFAULT 0 CHECK (listed IN (0, 1)),
  cursor {text},
  tries {int} NOT NULL DEFAULT 0,
  due_at {int},
  reason {text},
  started_at {int} NOT NULL,
  finished_at {int},
  PRIMARY KEY (incident_id, account_id)
) {clustered};
CREATE INDEX history_reads_due ON history_reads (due_at) WHERE due_at IS NOT NULL;

-- One conversation of a reading. thread: the platform's name of it. address: the customer's. added: messages that came in by the
-- reading, over all its tries. writing: JSON list of ids on their way into the journal, so that a restart counts them once.
CREATE TABLE history_threads (
  incident_id {int} NOT NULL,
  account_id {int} NOT NULL,
  thread {text} NOT NULL,
  workspace_id {int} NOT NULL,
  address {text},
  name {text},
  updated_at {int} NOT NULL,
  state {text} NOT NULL CHECK (state IN ('waiting', 'read', 'failed')),
  platform {int} NOT NULL DEFAULT 0,
  added {int} NOT NULL DEFAULT 0,
  unreadable {int} NOT NULL DEFAULT 0,
  ambiguous {int} NOT NULL DEFAULT 0,
  reason {text},
  writing {text},
  PRIMARY KEY (incident_id, account_id, thread)
) {clustered};
CREATE INDEX history_threads_people ON history_threads (workspace_id, address);

-- A time in which messages of a customer may be missing, where the platform can't be read back.
CREATE TABLE gaps (
  conversation_id {int} NOT NULL,
  incident_id {int} NOT NULL,
  account_id {int} NOT NULL,
  workspace_id {int} NOT NULL,
  since {int} NOT NULL,
  until {int} NOT NULL,
  PRIMARY KEY (conversation_id, incident_id, account_id)
) {clustered};
CREATE INDEX gaps_incident ON gaps (incident_id, workspace_id, account_id);
