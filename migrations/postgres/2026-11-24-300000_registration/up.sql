-- Registration, complete: the form's questions, rules of categories, approval, offers, session seats, invitations,
-- delegations, duplicates, check-in.

ALTER TABLE registration_setups ADD COLUMN questions jsonb NOT NULL DEFAULT '[]';
ALTER TABLE registration_setups ADD COLUMN form_version integer NOT NULL DEFAULT 1;
ALTER TABLE registration_setups ADD COLUMN verification_hours integer NOT NULL DEFAULT 48 CONSTRAINT registration_setups_verification_hours_check CHECK (verification_hours > 0);
ALTER TABLE registration_setups ADD COLUMN sessions_release integer NOT NULL DEFAULT 0;

-- Every form that people have answered, so that an old answer keeps its question.
CREATE TABLE registration_forms (
    conference_id uuid NOT NULL CONSTRAINT registration_forms_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    version integer NOT NULL,
    questions jsonb NOT NULL,
    CONSTRAINT registration_forms_pkey PRIMARY KEY (conference_id, version)
);

ALTER TABLE categories ADD COLUMN opens_at timestamptz;
ALTER TABLE categories ADD COLUMN closes_at timestamptz;
ALTER TABLE categories ADD COLUMN needs_approval boolean NOT NULL DEFAULT FALSE;
ALTER TABLE categories ADD COLUMN needs_invitation boolean NOT NULL DEFAULT FALSE;
ALTER TABLE categories ADD COLUMN verifies_email boolean NOT NULL DEFAULT FALSE;
ALTER TABLE categories ADD COLUMN hidden boolean NOT NULL DEFAULT FALSE;
ALTER TABLE categories ADD COLUMN waiting_list boolean NOT NULL DEFAULT TRUE;
ALTER TABLE categories ADD COLUMN offer_hours integer CONSTRAINT categories_offer_hours_check CHECK (offer_hours > 0);
ALTER TABLE categories ADD COLUMN badge jsonb NOT NULL DEFAULT '{}';

ALTER TABLE registrations
    DROP CONSTRAINT registrations_state_check RESTRICT,
    ADD CONSTRAINT registrations_state_check CHECK (state IN ('unverified', 'pending', 'confirmed', 'waitlisted', 'rejected', 'expired', 'cancelled', 'revoked')),
    ADD COLUMN answers jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN form_version integer NOT NULL DEFAULT 1,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN offer_expires_at timestamptz,
    ADD COLUMN invitation_id uuid,
    ADD COLUMN name_folded text COLLATE "C" NOT NULL DEFAULT '',
    ALTER COLUMN email_folded TYPE text COLLATE "C",
    ADD COLUMN birth_date date,
    ADD COLUMN badge jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT registrations_offer_check CHECK (offer_expires_at IS NULL OR state = 'waitlisted'),
    ALTER COLUMN state SET NOT NULL;
ALTER TABLE registration_events
    DROP CONSTRAINT registration_events_event_check RESTRICT,
    ADD CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'imported', 'verified', 'approved', 'rejected', 'promoted', 'offered', 'accepted', 'lapsed', 'expired', 'cancelled', 'revoked', 'changed', 'moved', 'sessions_changed', 'seated', 'merged', 'link_renewed')),
    ADD COLUMN detail jsonb,
    ALTER COLUMN event SET NOT NULL;
DROP INDEX registrations_live_email_key RESTRICT;
DROP INDEX registrations_waiting_idx RESTRICT;
DROP INDEX registration_events_registration_id_idx RESTRICT;
UPDATE registrations SET name_folded = lower(given_name || ' ' || family_name);

-- One live registration an address; a final one frees it.
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted');
-- The waiting list of each category, first come first served, and counts. Not a partial index: a state that is bound would
-- not be known to be its own.
CREATE INDEX registrations_waiting_idx ON registrations (category_id, state, arrival);
-- What runs out.
CREATE INDEX registrations_expires_idx ON registrations (expires_at) WHERE state = 'unverified';
CREATE INDEX registrations_offer_idx ON registrations (offer_expires_at) WHERE offer_expires_at IS NOT NULL;
-- The registrar's lists, page by page.
CREATE UNIQUE INDEX registrations_arrival_key ON registrations (conference_id, arrival, id);
CREATE INDEX registrations_state_idx ON registrations (conference_id, state, arrival, id);
CREATE INDEX registrations_category_idx ON registrations (category_id, arrival, id);
CREATE INDEX registrations_country_idx ON registrations (conference_id, country, arrival, id);
CREATE INDEX registrations_name_idx ON registrations (conference_id, name_folded, id);
CREATE INDEX registrations_updated_idx ON registrations (conference_id, updated_at, id);
CREATE INDEX registrations_created_idx ON registrations (conference_id, created_at);
CREATE INDEX registrations_invitation_idx ON registrations (invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX registration_events_registration_id_idx ON registration_events (registration_id);

-- What registrars note about a registration, for themselves.
CREATE TABLE registration_notes (
    id uuid NOT NULL CONSTRAINT registration_notes_pkey PRIMARY KEY,
    registration_id uuid NOT NULL CONSTRAINT registration_notes_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    author text NOT NULL,
    text text NOT NULL
);
CREATE INDEX registration_notes_registration_id_idx ON registration_notes (registration_id);

-- The seats of sessions that need signing up for. `seats` is what the latest release says, or what is taken if that is
-- more: nobody loses a seat to a smaller room.
CREATE TABLE session_quotas (
    session_id uuid NOT NULL CONSTRAINT session_quotas_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT session_quotas_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    seats bigint CONSTRAINT session_quotas_seats_check CHECK (seats >= 0),
    seats_taken bigint NOT NULL,
    CONSTRAINT session_quotas_seats_taken_check CHECK (seats_taken >= 0 AND (seats IS NULL OR seats_taken <= seats))
);
CREATE INDEX session_quotas_conference_id_idx ON session_quotas (conference_id);

-- Who wants to be in which session. `wished` until the registration is confirmed.
CREATE TABLE session_sign_ups (
    registration_id uuid NOT NULL CONSTRAINT session_sign_ups_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    session_id uuid NOT NULL,
    state text NOT NULL CONSTRAINT session_sign_ups_state_check CHECK (state IN ('wished', 'confirmed', 'waitlisted')),
    arrival bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT session_sign_ups_pkey PRIMARY KEY (registration_id, session_id)
);
CREATE INDEX session_sign_ups_session_idx ON session_sign_ups (session_id, state, arrival);

-- Personal invitations (one use) and shared access codes (a number of uses). No code is kept: a personal one is derived
-- under the server's secret, a shared one has its keyed digest here.
CREATE TABLE invitations (
    id uuid NOT NULL CONSTRAINT invitations_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT invitations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT invitations_kind_check CHECK (kind IN ('personal', 'shared')),
    code_digest text,
    label text NOT NULL,
    category_id uuid CONSTRAINT invitations_category_id_fkey REFERENCES categories (id),
    email text,
    email_folded text,
    name text,
    language text,
    uses_max integer CONSTRAINT invitations_uses_max_check CHECK (uses_max > 0),
    uses integer NOT NULL,
    seats_reserved integer NOT NULL CONSTRAINT invitations_seats_reserved_check CHECK (seats_reserved >= 0),
    generation integer NOT NULL,
    expires_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT invitations_code_digest_key UNIQUE (conference_id, code_digest),
    CONSTRAINT invitations_uses_check CHECK (uses >= 0 AND (uses_max IS NULL OR uses <= uses_max))
);
CREATE INDEX invitations_conference_id_idx ON invitations (conference_id, created_at, id);
CREATE INDEX invitations_expires_idx ON invitations (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;

-- The delegation of a State or organisation: how many members it may have, and who leads it.
CREATE TABLE delegations (
    id uuid NOT NULL CONSTRAINT delegations_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT delegations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    kind text NOT NULL CONSTRAINT delegations_kind_check CHECK (kind IN ('member_state', 'observer', 'organisation')),
    name jsonb NOT NULL,
    name_folded text NOT NULL,
    country text,
    regional_group text,
    category_id uuid NOT NULL CONSTRAINT delegations_category_id_fkey REFERENCES categories (id),
    quota bigint CONSTRAINT delegations_quota_check CHECK (quota >= 0),
    members bigint NOT NULL,
    focal_point_name text,
    focal_point_email text,
    focal_point_language text,
    token_generation integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT delegations_code_key UNIQUE (conference_id, code),
    CONSTRAINT delegations_members_check CHECK (members >= 0 AND (quota IS NULL OR members <= quota))
);

-- Who is in which delegation: live registrations count against its quota.
CREATE TABLE delegation_members (
    registration_id uuid NOT NULL CONSTRAINT delegation_members_pkey PRIMARY KEY CONSTRAINT delegation_members_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    delegation_id uuid NOT NULL CONSTRAINT delegation_members_delegation_id_fkey REFERENCES delegations (id),
    is_head boolean NOT NULL,
    level text NOT NULL CONSTRAINT delegation_members_level_check CHECK (level IN ('head_of_state', 'head_of_government', 'vice_president', 'minister', 'deputy_minister', 'head_of_organisation', 'ambassador', 'other'))
);
CREATE INDEX delegation_members_delegation_id_idx ON delegation_members (delegation_id, registration_id);
-- One head at most.
CREATE UNIQUE INDEX delegation_members_head_key ON delegation_members (delegation_id) WHERE is_head;

-- Two registrations that are probably of one person.
CREATE TABLE possible_duplicates (
    id uuid NOT NULL CONSTRAINT possible_duplicates_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT possible_duplicates_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    registration_id uuid NOT NULL CONSTRAINT possible_duplicates_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    earlier_id uuid NOT NULL CONSTRAINT possible_duplicates_earlier_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    reason text NOT NULL CONSTRAINT possible_duplicates_reason_check CHECK (reason IN ('birth_date', 'organisation')),
    state text NOT NULL CONSTRAINT possible_duplicates_state_check CHECK (state IN ('open', 'dismissed', 'merged')),
    created_at timestamptz NOT NULL,
    CONSTRAINT possible_duplicates_pair_key UNIQUE (registration_id, earlier_id)
);
CREATE INDEX possible_duplicates_earlier_idx ON possible_duplicates (earlier_id);
CREATE INDEX possible_duplicates_open_idx ON possible_duplicates (conference_id, created_at, id) WHERE state = 'open';

-- What happened at the doors. Nothing is ever changed here: an undoing is an entry of its own. `id` is the scanner's,
-- `outcome` what the scanner was told; who came first is decided by `at`.
CREATE TABLE check_ins (
    conference_id uuid NOT NULL CONSTRAINT check_ins_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    registration_id uuid CONSTRAINT check_ins_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    session_id uuid,
    gate text NOT NULL,
    zone text,
    at timestamptz NOT NULL,
    day date,
    received_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    outcome text NOT NULL CONSTRAINT check_ins_outcome_check CHECK (outcome IN ('admitted', 'admitted_again', 'refused', 'undone')),
    reason text CONSTRAINT check_ins_reason_check CHECK (reason IN ('unknown', 'bad_signature', 'not_confirmed', 'cancelled', 'revoked', 'superseded', 'wrong_day', 'wrong_zone', 'no_seat_in_session')),
    undoes uuid,
    actor text NOT NULL,
    request_digest text NOT NULL,
    CONSTRAINT check_ins_pkey PRIMARY KEY (conference_id, id),
    CONSTRAINT check_ins_sequence_key UNIQUE (conference_id, sequence),
    CONSTRAINT check_ins_undoes_key UNIQUE (conference_id, undoes),
    CONSTRAINT check_ins_refusal_check CHECK ((outcome = 'refused') = (reason IS NOT NULL)),
    CONSTRAINT check_ins_admission_check CHECK (outcome = 'refused' OR registration_id IS NOT NULL)
);
CREATE INDEX check_ins_registration_id_idx ON check_ins (registration_id, at);
CREATE INDEX check_ins_outcome_idx ON check_ins (conference_id, outcome, at, gate, registration_id);

-- How many entries a conference has. Who counts on holds the row until the commit, so that entries come into sight in
-- the order of their numbers, and two scanners at once are judged one after the other.
CREATE TABLE check_in_counters (
    conference_id uuid NOT NULL CONSTRAINT check_in_counters_pkey PRIMARY KEY CONSTRAINT check_in_counters_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    last_sequence bigint NOT NULL
);

-- Each transition of a registration causes one message, which names it.
ALTER TABLE outbox_messages ADD COLUMN event_id uuid;
CREATE UNIQUE INDEX outbox_messages_event_id_key ON outbox_messages (event_id) WHERE event_id IS NOT NULL;
-- What was written to an address.
CREATE INDEX outbox_messages_recipient_idx ON outbox_messages (recipient, created_at);
