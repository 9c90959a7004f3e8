-- What organisers need to edit an agenda together: protocol order, visibility and embargo, substitutions; releases that
-- are scheduled, forced, rolled back and redacted; the audit trail; tokens that expire; answers that can be replayed.

ALTER TABLE conferences ADD COLUMN walking_minutes integer CONSTRAINT conferences_walking_minutes_check CHECK (walking_minutes >= 0);
ALTER TABLE conferences ADD COLUMN preview_generation integer NOT NULL DEFAULT 1;

ALTER TABLE speakers ADD COLUMN precedence_rank integer CONSTRAINT speakers_precedence_rank_check CHECK (precedence_rank > 0);
ALTER TABLE speakers ADD COLUMN took_office_on date;
ALTER TABLE speakers ADD COLUMN visibility text NOT NULL DEFAULT 'public' CONSTRAINT speakers_visibility_check CHECK (visibility IN ('public', 'attendees', 'withheld'));
ALTER TABLE speakers ADD COLUMN public_from timestamptz;

ALTER TABLE sessions ADD COLUMN visibility text NOT NULL DEFAULT 'public' CONSTRAINT sessions_visibility_check CHECK (visibility IN ('public', 'attendees', 'withheld'));
ALTER TABLE sessions ADD COLUMN public_from timestamptz;
ALTER TABLE sessions ADD COLUMN protocol_rule text CONSTRAINT sessions_protocol_rule_check CHECK (protocol_rule IN ('inscription', 'english_alphabet', 'french_alphabet'));

ALTER TABLE items ADD COLUMN visibility text NOT NULL DEFAULT 'public' CONSTRAINT items_visibility_check CHECK (visibility IN ('public', 'attendees', 'withheld'));
ALTER TABLE items ADD COLUMN public_from timestamptz;
ALTER TABLE items ADD COLUMN inscribed_at timestamptz;
ALTER TABLE items ADD COLUMN placed_by_hand boolean NOT NULL DEFAULT FALSE;

ALTER TABLE appearances ADD COLUMN on_behalf_of_id uuid CONSTRAINT appearances_on_behalf_of_id_fkey REFERENCES speakers (id);
CREATE INDEX appearances_on_behalf_of_id_idx ON appearances (on_behalf_of_id);

-- `content` is what the public reads; `full_content` is the agenda that it was made of, with what is withheld or under
-- embargo. Changes are worked out of the contents, so that a redaction reaches them, too.
ALTER TABLE releases ADD COLUMN full_content jsonb NOT NULL DEFAULT '{}';
ALTER TABLE releases ADD COLUMN updated_at timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00.000000Z';
ALTER TABLE releases ADD COLUMN force_reason text;
ALTER TABLE releases ADD COLUMN restores integer;
ALTER TABLE releases ADD COLUMN next_embargo_ends_at timestamptz;
ALTER TABLE releases DROP COLUMN changes;
UPDATE releases SET full_content = content, updated_at = released_at;

CREATE TABLE scheduled_releases (
    id uuid NOT NULL CONSTRAINT scheduled_releases_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT scheduled_releases_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    publish_at timestamptz NOT NULL,
    author text NOT NULL,
    note text,
    force_reason text,
    full_content jsonb NOT NULL,
    state text NOT NULL CONSTRAINT scheduled_releases_state_check CHECK (state IN ('scheduled', 'published', 'cancelled')),
    release_number integer,
    created_at timestamptz NOT NULL
);
CREATE INDEX scheduled_releases_due_idx ON scheduled_releases (publish_at) WHERE state = 'scheduled';

-- Who changed what, when. An entry outlives its conference, so it refers to nothing.
CREATE TABLE audit_entries (
    id uuid NOT NULL CONSTRAINT audit_entries_pkey PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    request_id text,
    operation text NOT NULL,
    conference_id uuid,
    action text NOT NULL,
    resource text NOT NULL,
    thing_id text NOT NULL,
    code text NOT NULL,
    before jsonb,
    after jsonb
);
CREATE INDEX audit_entries_conference_id_idx ON audit_entries (conference_id, id);

ALTER TABLE tokens ADD COLUMN expires_at timestamptz;
ALTER TABLE tokens ADD COLUMN last_used_at timestamptz;

-- Answers to requests that carried an Idempotency-Key, written in the transaction that they speak of.
CREATE TABLE idempotency_keys (
    id uuid NOT NULL CONSTRAINT idempotency_keys_pkey PRIMARY KEY,
    scope text NOT NULL,
    key text NOT NULL,
    request_digest text NOT NULL,
    status integer,
    answer jsonb,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_key_key UNIQUE (scope, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
