-- stuck_at: the platform had accepted it and no receipt came when an incident was confirmed.
ALTER TABLE message_parts ADD COLUMN stuck_at {int};
CREATE INDEX message_parts_stuck ON message_parts (conversation_id, id) WHERE stuck_at IS NOT NULL;
