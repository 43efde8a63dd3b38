-- said: the first line on another route went with this plan; once per conversation and incident.
ALTER TABLE plans ADD COLUMN said {int} NOT NULL DEFAULT 0;
