-- An address in one spelling, by which a reader is known; a message that is held waits until it is let go.
ALTER TABLE outbox_messages ADD COLUMN recipient_folded text NOT NULL DEFAULT '';
ALTER TABLE outbox_messages ADD COLUMN is_held boolean NOT NULL DEFAULT false;
-- Broadcasts went to spellings until now: two of one address may stand side by side.
UPDATE outbox_messages SET recipient_folded = CASE WHEN broadcast_id IS NULL THEN lower(recipient) ELSE recipient END;
DROP INDEX outbox_messages_broadcast_id_key;
CREATE UNIQUE INDEX outbox_messages_broadcast_id_key ON outbox_messages (broadcast_id, recipient_folded)
    WHERE broadcast_id IS NOT NULL AND scrubbed_at IS NULL;
-- What is taken back when its reader leaves or wants no more of it.
CREATE INDEX outbox_messages_recipient_folded_idx ON outbox_messages (recipient_folded)
    WHERE state = 'waiting' AND broadcast_id IS NOT NULL;
