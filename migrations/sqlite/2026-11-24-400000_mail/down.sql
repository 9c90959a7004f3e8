DROP TABLE mail_attempts;
DROP INDEX outbox_messages_broadcast_id_key;
DROP INDEX outbox_messages_broadcast_id_idx;
DROP INDEX outbox_messages_conference_id_idx;
DROP INDEX outbox_messages_due_idx;
DELETE FROM outbox_messages WHERE state = 'cancelled' OR broadcast_id IS NOT NULL;
ALTER TABLE outbox_messages RENAME TO outbox_messages_after;
DROP INDEX outbox_messages_event_id_key;
DROP INDEX outbox_messages_recipient_idx;
CREATE TABLE outbox_messages (
    id BLOB NOT NULL CONSTRAINT outbox_messages_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT outbox_messages_conference_id_fkey REFERENCES conferences (id),
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    language TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT outbox_messages_state_check CHECK (state IN ('waiting', 'sent', 'failed')),
    tries INTEGER NOT NULL,
    next_try_at TEXT NOT NULL,
    lease_holder BLOB,
    leased_until TEXT,
    last_error TEXT,
    created_at TEXT NOT NULL,
    sent_at TEXT,
    event_id BLOB
) STRICT;
INSERT INTO outbox_messages SELECT id, conference_id, kind, recipient, language, content, state, tries, next_try_at, lease_holder,
    leased_until, last_error, created_at, sent_at, event_id FROM outbox_messages_after;
DROP TABLE outbox_messages_after;
CREATE UNIQUE INDEX outbox_messages_event_id_key ON outbox_messages (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX outbox_messages_recipient_idx ON outbox_messages (recipient, created_at);
CREATE INDEX outbox_messages_due_idx ON outbox_messages (next_try_at, id) WHERE state = 'waiting';
DROP TABLE mail_blocks;
DROP TABLE mail_broadcasts;
DROP TABLE mail_templates;
ALTER TABLE session_quotas DROP COLUMN slot;
ALTER TABLE session_quotas DROP COLUMN seats_released;
