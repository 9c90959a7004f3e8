-- What the release of the quotas gives a session: a session that had more seats taken gives none of the surplus anew.
ALTER TABLE session_quotas ADD COLUMN seats_released INTEGER;
UPDATE session_quotas SET seats_released = seats;
-- When and where the session was when people last heard of it.
ALTER TABLE session_quotas ADD COLUMN slot TEXT;

-- Texts of letters that a conference has in place of those that ship.
CREATE TABLE mail_templates (
    conference_id BLOB NOT NULL CONSTRAINT mail_templates_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    language TEXT NOT NULL,
    source TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    CONSTRAINT mail_templates_pkey PRIMARY KEY (conference_id, kind, language)
) STRICT;

-- What organisers write to many. `reached` is the last arrival that was written to; `source` names what made it by itself.
CREATE TABLE mail_broadcasts (
    id BLOB NOT NULL CONSTRAINT mail_broadcasts_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT mail_broadcasts_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT mail_broadcasts_state_check CHECK (state IN ('draft', 'sending', 'stopped', 'done')),
    content TEXT NOT NULL,
    audience TEXT NOT NULL,
    per_minute INTEGER NOT NULL CONSTRAINT mail_broadcasts_per_minute_check CHECK (per_minute > 0),
    reached INTEGER NOT NULL,
    enqueued INTEGER NOT NULL,
    source TEXT,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    CONSTRAINT mail_broadcasts_source_key UNIQUE (conference_id, source)
) STRICT;
CREATE INDEX mail_broadcasts_sending_idx ON mail_broadcasts (conference_id) WHERE state = 'sending';

-- Addresses that are not written to: nothing reaches them, or they want no announcements.
CREATE TABLE mail_blocks (
    conference_id BLOB NOT NULL CONSTRAINT mail_blocks_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    address_folded TEXT NOT NULL,
    reason TEXT NOT NULL CONSTRAINT mail_blocks_reason_check CHECK (reason IN ('bounced', 'unsubscribed')),
    detail TEXT,
    created_at TEXT NOT NULL,
    CONSTRAINT mail_blocks_pkey PRIMARY KEY (conference_id, address_folded, reason)
) STRICT;

-- SQLite changes no CHECK: the table is made anew. `priority` 0 goes before 1; `domain` is that of the address.
ALTER TABLE outbox_messages RENAME TO outbox_messages_before;
DROP INDEX outbox_messages_due_idx;
DROP INDEX outbox_messages_event_id_key;
DROP INDEX outbox_messages_recipient_idx;
CREATE TABLE outbox_messages (
    id BLOB NOT NULL CONSTRAINT outbox_messages_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT outbox_messages_conference_id_fkey REFERENCES conferences (id),
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    language TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT outbox_messages_state_check CHECK (state IN ('waiting', 'sent', 'failed', 'cancelled')),
    tries INTEGER NOT NULL,
    next_try_at TEXT NOT NULL,
    lease_holder BLOB,
    leased_until TEXT,
    last_error TEXT,
    created_at TEXT NOT NULL,
    sent_at TEXT,
    event_id BLOB,
    priority INTEGER NOT NULL,
    domain TEXT NOT NULL,
    broadcast_id BLOB CONSTRAINT outbox_messages_broadcast_id_fkey REFERENCES mail_broadcasts (id) ON DELETE CASCADE,
    scrubbed_at TEXT
) STRICT;
INSERT INTO outbox_messages SELECT id, conference_id, kind, recipient, language, content, state, tries, next_try_at, lease_holder,
    leased_until, last_error, created_at, sent_at, event_id, 0, lower(substr(recipient, instr(recipient, '@') + 1)), NULL, NULL
    FROM outbox_messages_before;
DROP TABLE outbox_messages_before;
CREATE UNIQUE INDEX outbox_messages_event_id_key ON outbox_messages (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX outbox_messages_recipient_idx ON outbox_messages (recipient, created_at);
CREATE INDEX outbox_messages_due_idx ON outbox_messages (priority, next_try_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_messages_conference_id_idx ON outbox_messages (conference_id, id);
CREATE INDEX outbox_messages_broadcast_id_idx ON outbox_messages (broadcast_id) WHERE broadcast_id IS NOT NULL;
-- Nobody gets the same broadcast twice.
CREATE UNIQUE INDEX outbox_messages_broadcast_id_key ON outbox_messages (broadcast_id, recipient)
    WHERE broadcast_id IS NOT NULL AND scrubbed_at IS NULL;

-- What came of each attempt to send a message, in the server's words.
CREATE TABLE mail_attempts (
    id BLOB NOT NULL CONSTRAINT mail_attempts_pkey PRIMARY KEY,
    message_id BLOB NOT NULL CONSTRAINT mail_attempts_message_id_fkey REFERENCES outbox_messages (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    outcome TEXT NOT NULL CONSTRAINT mail_attempts_outcome_check CHECK (outcome IN ('sent', 'put_off', 'failed')),
    reply TEXT
) STRICT;
CREATE INDEX mail_attempts_message_id_idx ON mail_attempts (message_id, at);
