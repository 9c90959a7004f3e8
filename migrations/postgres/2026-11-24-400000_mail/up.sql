-- What the release of the quotas gives a session: a session that had more seats taken gives none of the surplus anew.
ALTER TABLE session_quotas ADD COLUMN seats_released bigint;
UPDATE session_quotas SET seats_released = seats;
-- When and where the session was when people last heard of it.
ALTER TABLE session_quotas ADD COLUMN slot jsonb;

-- Texts of letters that a conference has in place of those that ship.
CREATE TABLE mail_templates (
    conference_id uuid NOT NULL CONSTRAINT mail_templates_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    kind text NOT NULL,
    language text NOT NULL,
    source text NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    CONSTRAINT mail_templates_pkey PRIMARY KEY (conference_id, kind, language)
);

-- What organisers write to many. `reached` is the last arrival that was written to; `source` names what made it by itself.
CREATE TABLE mail_broadcasts (
    id uuid NOT NULL CONSTRAINT mail_broadcasts_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT mail_broadcasts_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    kind text NOT NULL,
    state text NOT NULL CONSTRAINT mail_broadcasts_state_check CHECK (state IN ('draft', 'sending', 'stopped', 'done')),
    content jsonb NOT NULL,
    audience jsonb NOT NULL,
    per_minute integer NOT NULL CONSTRAINT mail_broadcasts_per_minute_check CHECK (per_minute > 0),
    reached bigint NOT NULL,
    enqueued bigint NOT NULL,
    source text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT mail_broadcasts_source_key UNIQUE (conference_id, source)
);
CREATE INDEX mail_broadcasts_sending_idx ON mail_broadcasts (conference_id) WHERE state = 'sending';

-- Addresses that are not written to: nothing reaches them, or they want no announcements.
CREATE TABLE mail_blocks (
    conference_id uuid NOT NULL CONSTRAINT mail_blocks_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    address_folded text NOT NULL,
    reason text NOT NULL CONSTRAINT mail_blocks_reason_check CHECK (reason IN ('bounced', 'unsubscribed')),
    detail text,
    created_at timestamptz NOT NULL,
    CONSTRAINT mail_blocks_pkey PRIMARY KEY (conference_id, address_folded, reason)
);

-- `priority` 0 goes before 1; `domain` is that of the address.
DROP INDEX outbox_messages_due_idx;
ALTER TABLE outbox_messages DROP CONSTRAINT outbox_messages_state_check;
ALTER TABLE outbox_messages
    ADD CONSTRAINT outbox_messages_state_check CHECK (state IN ('waiting', 'sent', 'failed', 'cancelled')),
    ADD COLUMN broadcast_id uuid CONSTRAINT outbox_messages_broadcast_id_fkey REFERENCES mail_broadcasts (id) ON DELETE CASCADE,
    ADD COLUMN priority integer NOT NULL DEFAULT 0,
    ADD COLUMN domain text NOT NULL DEFAULT '',
    ADD COLUMN scrubbed_at timestamptz;
ALTER TABLE outbox_messages ALTER COLUMN priority DROP DEFAULT, ALTER COLUMN domain DROP DEFAULT;
UPDATE outbox_messages SET domain = lower(split_part(recipient, '@', 2));
CREATE INDEX outbox_messages_due_idx ON outbox_messages (priority, next_try_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_messages_conference_id_idx ON outbox_messages (conference_id, id);
CREATE INDEX outbox_messages_broadcast_id_idx ON outbox_messages (broadcast_id) WHERE broadcast_id IS NOT NULL;
-- Nobody gets the same broadcast twice.
CREATE UNIQUE INDEX outbox_messages_broadcast_id_key ON outbox_messages (broadcast_id, recipient)
    WHERE broadcast_id IS NOT NULL AND scrubbed_at IS NULL;

-- What came of each attempt to send a message, in the server's words.
CREATE TABLE mail_attempts (
    id uuid NOT NULL CONSTRAINT mail_attempts_pkey PRIMARY KEY,
    message_id uuid NOT NULL CONSTRAINT mail_attempts_message_id_fkey REFERENCES outbox_messages (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    outcome text NOT NULL CONSTRAINT mail_attempts_outcome_check CHECK (outcome IN ('sent', 'put_off', 'failed')),
    reply text
);
CREATE INDEX mail_attempts_message_id_idx ON mail_attempts (message_id, at);
