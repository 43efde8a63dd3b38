-- What the detectors know, so that it survives a restart. body: JSON of core's Detector.
CREATE TABLE health_states (
  name {text} NOT NULL PRIMARY KEY,
  body {text} NOT NULL,
  at {int} NOT NULL
) {clustered};

-- Faults, of real platforms or of the sandbox's. Not of one workspace: a platform fails for all of them; readers show a
-- workspace only those that reach its accounts. number: what people read. key: core's IncidentKey within its detector.
CREATE TABLE incidents (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  number {int} NOT NULL UNIQUE,
  detector {text} NOT NULL,
  key {int} NOT NULL,
  direction {text} NOT NULL CHECK (direction IN ('send', 'auth', 'delivery', 'webhook', 'inbound')),
  phase {text} NOT NULL CHECK (phase IN ('suspect', 'confirmed', 'recovering', 'closed')),
  scope_kind {text} NOT NULL,
  scope_id {text} NOT NULL,
  attributed_kind {text} NOT NULL,
  attributed_id {text} NOT NULL,
  share {real} NOT NULL,
  declared {int} NOT NULL CHECK (declared IN (0, 1)),
  since {int} NOT NULL,
  suspected_at {int} NOT NULL,
  confirmed_at {int},
  recovering_at {int},
  closed_at {int},
  body {text} NOT NULL
) {strict};
CREATE UNIQUE INDEX incidents_detector ON incidents (detector, key);
CREATE INDEX incidents_open ON incidents (id) WHERE phase <> 'closed';

-- The timeline. workspace_id: null for what concerns all.
CREATE TABLE incident_events (
  id {id},
  incident_id {int} NOT NULL,
  workspace_id {int},
  at {int} NOT NULL,
  kind {text} NOT NULL,
  text {text} NOT NULL
) {strict};
CREATE INDEX incident_events_incident ON incident_events (incident_id, id);

-- body: JSON of core's Policy.
CREATE TABLE continuity_policies (
  workspace_id {int} NOT NULL PRIMARY KEY,
  body {text} NOT NULL,
  updated_at {int} NOT NULL
) {clustered};

-- The recorded decision where a lane goes and why. body: JSON of core's Plan. cost: in millionths.
CREATE TABLE plans (
  id {id},
  uid {blob} NOT NULL UNIQUE,
  workspace_id {int} NOT NULL,
  conversation_id {int} NOT NULL,
  incident_id {int},
  user_id {int},
  state {text} NOT NULL CHECK (state IN ('held', 'suggested', 'done', 'overtaken', 'returned')),
  channel {text},
  cost {int} NOT NULL DEFAULT 0,
  body {text} NOT NULL,
  at {int} NOT NULL
) {strict};
CREATE INDEX plans_conversation ON plans (conversation_id, id);
CREATE INDEX plans_incident ON plans (incident_id, workspace_id, state, id) WHERE incident_id IS NOT NULL;

-- home: the route before a lane was carried away from a fault. plan_id: the decision that holds now.
ALTER TABLE conversations ADD COLUMN home_identity_id {int};
ALTER TABLE conversations ADD COLUMN home_account_id {int};
ALTER TABLE conversations ADD COLUMN carried_incident_id {int};
ALTER TABLE conversations ADD COLUMN carried_at {int};
ALTER TABLE conversations ADD COLUMN plan_id {int};
CREATE INDEX conversations_carried ON conversations (carried_incident_id, id) WHERE carried_incident_id IS NOT NULL;
CREATE INDEX conversations_route ON conversations (route_account_id, id) WHERE status <> 'resolved';

ALTER TABLE messages ADD COLUMN plan_id {int};

-- incident_id: what holds it. canary: sent into a fault on purpose, to see whether it is over.
ALTER TABLE message_parts ADD COLUMN incident_id {int};
ALTER TABLE message_parts ADD COLUMN canary {int} NOT NULL DEFAULT 0;
CREATE INDEX message_parts_incident ON message_parts (incident_id, conversation_id, id) WHERE incident_id IS NOT NULL;
CREATE INDEX message_parts_account ON message_parts (account_id, id) WHERE unsent = 1;
