-- A problem that comes again for the same cause is one row: how often, and when last. rule_id: the rule that fails; 0 where
-- nobody knows which; null for all other problems.
ALTER TABLE problems ADD COLUMN rule_id {int};
ALTER TABLE problems ADD COLUMN times {int} NOT NULL DEFAULT 1;
ALTER TABLE problems ADD COLUMN last_at {int};
CREATE INDEX problems_rule ON problems (workspace_id, rule_id);

-- The newest items that such a problem met.
CREATE TABLE problem_examples (
  id {id},
  workspace_id {int} NOT NULL,
  problem_id {int} NOT NULL,
  account_id {int} NOT NULL,
  record {int} NOT NULL,
  idx {int} NOT NULL,
  raw {text} NOT NULL,
  at {int} NOT NULL
) {strict};
CREATE INDEX problem_examples_problem ON problem_examples (problem_id, id);
CREATE INDEX problem_examples_workspace ON problem_examples (workspace_id);

-- Fingerprints of secrets that an account's webhooks were once signed under: what they signed is still the account's.
CREATE TABLE retired_secrets (
  account_id {int} NOT NULL,
  fingerprint {int} NOT NULL,
  retired_at {int} NOT NULL,
  PRIMARY KEY (account_id, fingerprint)
) {clustered};
