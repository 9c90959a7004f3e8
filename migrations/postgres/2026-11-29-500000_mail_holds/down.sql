UPDATE outbox_messages SET state = 'cancelled' WHERE is_held AND state = 'waiting';
DROP INDEX outbox_messages_recipient_folded_idx;
DROP INDEX outbox_messages_broadcast_id_key;
ALTER TABLE outbox_messages DROP COLUMN is_held;
ALTER TABLE outbox_messages DROP COLUMN recipient_folded;
CREATE UNIQUE INDEX outbox_messages_broadcast_id_key ON outbox_messages (broadcast_id, recipient)
    WHERE broadcast_id IS NOT NULL AND scrubbed_at IS NULL;
