-- Registration, complete: the form's questions, rules of categories, approval, offers, session seats, invitations,
-- delegations, duplicates, check-in.

ALTER TABLE registration_setups ADD COLUMN questions TEXT NOT NULL DEFAULT '[]';
ALTER TABLE registration_setups ADD COLUMN form_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE registration_setups ADD COLUMN verification_hours INTEGER NOT NULL DEFAULT 48 CONSTRAINT registration_setups_verification_hours_check CHECK (verification_hours > 0);
ALTER TABLE registration_setups ADD COLUMN sessions_release INTEGER NOT NULL DEFAULT 0;

-- Every form that people have answered, so that an old answer keeps its question.
CREATE TABLE registration_forms (
    conference_id BLOB NOT NULL CONSTRAINT registration_forms_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    questions TEXT NOT NULL,
    CONSTRAINT registration_forms_pkey PRIMARY KEY (conference_id, version)
) STRICT;

ALTER TABLE categories ADD COLUMN opens_at TEXT;
ALTER TABLE categories ADD COLUMN closes_at TEXT;
ALTER TABLE categories ADD COLUMN needs_approval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE categories ADD COLUMN needs_invitation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE categories ADD COLUMN verifies_email INTEGER NOT NULL DEFAULT 0;
ALTER TABLE categories ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE categories ADD COLUMN waiting_list INTEGER NOT NULL DEFAULT 1;
ALTER TABLE categories ADD COLUMN offer_hours INTEGER CONSTRAINT categories_offer_hours_check CHECK (offer_hours > 0);
ALTER TABLE categories ADD COLUMN badge TEXT NOT NULL DEFAULT '{}';

-- SQLite cannot change a CHECK: the tables are made anew, the history first, so that nothing refers to what goes.
CREATE TABLE old_events (id BLOB, registration_id BLOB, at TEXT, actor TEXT, event TEXT, state TEXT) STRICT;
INSERT INTO old_events SELECT id, registration_id, at, actor, event, state FROM registration_events;
DROP TABLE registration_events;
CREATE TABLE new_registrations (
    id BLOB NOT NULL CONSTRAINT registrations_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT registrations_conference_id_fkey REFERENCES conferences (id),
    category_id BLOB NOT NULL CONSTRAINT registrations_category_id_fkey REFERENCES categories (id),
    reference TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT registrations_state_check CHECK (state IN ('unverified', 'pending', 'confirmed', 'waitlisted', 'rejected', 'expired', 'cancelled', 'revoked')),
    arrival INTEGER NOT NULL,
    honorific TEXT,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    organisation TEXT,
    position TEXT,
    country TEXT,
    language TEXT NOT NULL,
    phone TEXT,
    accessibility_needs TEXT,
    dietary_needs TEXT,
    consented_at TEXT NOT NULL,
    token_generation INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    answers TEXT NOT NULL DEFAULT '{}',
    form_version INTEGER NOT NULL DEFAULT 1,
    expires_at TEXT,
    offer_expires_at TEXT,
    invitation_id BLOB,
    name_folded TEXT NOT NULL DEFAULT '',
    birth_date TEXT,
    badge TEXT NOT NULL DEFAULT '{}',
    CONSTRAINT registrations_reference_key UNIQUE (conference_id, reference),
    CONSTRAINT registrations_offer_check CHECK (offer_expires_at IS NULL OR state = 'waitlisted')
) STRICT;
INSERT INTO new_registrations
    SELECT id, conference_id, category_id, reference, state, arrival, honorific, given_name, family_name, email, email_folded,
           organisation, position, country, language, phone, accessibility_needs, dietary_needs, consented_at,
           token_generation, created_at, updated_at, '{}', 1, NULL, NULL, NULL, '', NULL, '{}'
    FROM registrations;
DROP TABLE registrations;
ALTER TABLE new_registrations RENAME TO registrations;
CREATE TABLE registration_events (
    id BLOB NOT NULL CONSTRAINT registration_events_pkey PRIMARY KEY,
    registration_id BLOB NOT NULL CONSTRAINT registration_events_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'imported', 'verified', 'approved', 'rejected', 'promoted', 'offered', 'accepted', 'lapsed', 'expired', 'cancelled', 'revoked', 'changed', 'moved', 'sessions_changed', 'seated', 'merged', 'link_renewed')),
    state TEXT NOT NULL,
    detail TEXT
) STRICT;
INSERT INTO registration_events SELECT id, registration_id, at, actor, event, state, NULL FROM old_events;
DROP TABLE old_events;
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
    id BLOB NOT NULL CONSTRAINT registration_notes_pkey PRIMARY KEY,
    registration_id BLOB NOT NULL CONSTRAINT registration_notes_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX registration_notes_registration_id_idx ON registration_notes (registration_id);

-- The seats of sessions that need signing up for. `seats` is what the latest release says, or what is taken if that is
-- more: nobody loses a seat to a smaller room.
CREATE TABLE session_quotas (
    session_id BLOB NOT NULL CONSTRAINT session_quotas_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT session_quotas_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    seats INTEGER CONSTRAINT session_quotas_seats_check CHECK (seats >= 0),
    seats_taken INTEGER NOT NULL,
    CONSTRAINT session_quotas_seats_taken_check CHECK (seats_taken >= 0 AND (seats IS NULL OR seats_taken <= seats))
) STRICT;
CREATE INDEX session_quotas_conference_id_idx ON session_quotas (conference_id);

-- Who wants to be in which session. `wished` until the registration is confirmed.
CREATE TABLE session_sign_ups (
    registration_id BLOB NOT NULL CONSTRAINT session_sign_ups_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    session_id BLOB NOT NULL,
    state TEXT NOT NULL CONSTRAINT session_sign_ups_state_check CHECK (state IN ('wished', 'confirmed', 'waitlisted')),
    arrival INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    CONSTRAINT session_sign_ups_pkey PRIMARY KEY (registration_id, session_id)
) STRICT;
CREATE INDEX session_sign_ups_session_idx ON session_sign_ups (session_id, state, arrival);

-- Personal invitations (one use) and shared access codes (a number of uses). No code is kept: a personal one is derived
-- under the server's secret, a shared one has its keyed digest here.
CREATE TABLE invitations (
    id BLOB NOT NULL CONSTRAINT invitations_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT invitations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CONSTRAINT invitations_kind_check CHECK (kind IN ('personal', 'shared')),
    code_digest TEXT,
    label TEXT NOT NULL,
    category_id BLOB CONSTRAINT invitations_category_id_fkey REFERENCES categories (id),
    email TEXT,
    email_folded TEXT,
    name TEXT,
    language TEXT,
    uses_max INTEGER CONSTRAINT invitations_uses_max_check CHECK (uses_max > 0),
    uses INTEGER NOT NULL,
    seats_reserved INTEGER NOT NULL CONSTRAINT invitations_seats_reserved_check CHECK (seats_reserved >= 0),
    generation INTEGER NOT NULL,
    expires_at TEXT,
    ended_at TEXT,
    created_at TEXT NOT NULL,
    CONSTRAINT invitations_code_digest_key UNIQUE (conference_id, code_digest),
    CONSTRAINT invitations_uses_check CHECK (uses >= 0 AND (uses_max IS NULL OR uses <= uses_max))
) STRICT;
CREATE INDEX invitations_conference_id_idx ON invitations (conference_id, created_at, id);
CREATE INDEX invitations_expires_idx ON invitations (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;

-- The delegation of a State or organisation: how many members it may have, and who leads it.
CREATE TABLE delegations (
    id BLOB NOT NULL CONSTRAINT delegations_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT delegations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    kind TEXT NOT NULL CONSTRAINT delegations_kind_check CHECK (kind IN ('member_state', 'observer', 'organisation')),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    country TEXT,
    regional_group TEXT,
    category_id BLOB NOT NULL CONSTRAINT delegations_category_id_fkey REFERENCES categories (id),
    quota INTEGER CONSTRAINT delegations_quota_check CHECK (quota >= 0),
    members INTEGER NOT NULL,
    focal_point_name TEXT,
    focal_point_email TEXT,
    focal_point_language TEXT,
    token_generation INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CONSTRAINT delegations_code_key UNIQUE (conference_id, code),
    CONSTRAINT delegations_members_check CHECK (members >= 0 AND (quota IS NULL OR members <= quota))
) STRICT;

-- Who is in which delegation: live registrations count against its quota.
CREATE TABLE delegation_members (
    registration_id BLOB NOT NULL CONSTRAINT delegation_members_pkey PRIMARY KEY CONSTRAINT delegation_members_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    delegation_id BLOB NOT NULL CONSTRAINT delegation_members_delegation_id_fkey REFERENCES delegations (id),
    is_head INTEGER NOT NULL,
    level TEXT NOT NULL CONSTRAINT delegation_members_level_check CHECK (level IN ('head_of_state', 'head_of_government', 'vice_president', 'minister', 'deputy_minister', 'head_of_organisation', 'ambassador', 'other'))
) STRICT;
CREATE INDEX delegation_members_delegation_id_idx ON delegation_members (delegation_id, registration_id);
-- One head at most.
CREATE UNIQUE INDEX delegation_members_head_key ON delegation_members (delegation_id) WHERE is_head;

-- Two registrations that are probably of one person.
CREATE TABLE possible_duplicates (
    id BLOB NOT NULL CONSTRAINT possible_duplicates_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT possible_duplicates_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    registration_id BLOB NOT NULL CONSTRAINT possible_duplicates_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    earlier_id BLOB NOT NULL CONSTRAINT possible_duplicates_earlier_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    reason TEXT NOT NULL CONSTRAINT possible_duplicates_reason_check CHECK (reason IN ('birth_date', 'organisation')),
    state TEXT NOT NULL CONSTRAINT possible_duplicates_state_check CHECK (state IN ('open', 'dismissed', 'merged')),
    created_at TEXT NOT NULL,
    CONSTRAINT possible_duplicates_pair_key UNIQUE (registration_id, earlier_id)
) STRICT;
CREATE INDEX possible_duplicates_earlier_idx ON possible_duplicates (earlier_id);
CREATE INDEX possible_duplicates_open_idx ON possible_duplicates (conference_id, created_at, id) WHERE state = 'open';

-- What happened at the doors. Nothing is ever changed here: an undoing is an entry of its own. `id` is the scanner's,
-- `outcome` what the scanner was told; who came first is decided by `at`.
CREATE TABLE check_ins (
    conference_id BLOB NOT NULL CONSTRAINT check_ins_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    registration_id BLOB CONSTRAINT check_ins_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    session_id BLOB,
    gate TEXT NOT NULL,
    zone TEXT,
    at TEXT NOT NULL,
    day TEXT,
    received_at TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    outcome TEXT NOT NULL CONSTRAINT check_ins_outcome_check CHECK (outcome IN ('admitted', 'admitted_again', 'refused', 'undone')),
    reason TEXT CONSTRAINT check_ins_reason_check CHECK (reason IN ('unknown', 'bad_signature', 'not_confirmed', 'cancelled', 'revoked', 'superseded', 'wrong_day', 'wrong_zone', 'no_seat_in_session')),
    undoes BLOB,
    actor TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    CONSTRAINT check_ins_pkey PRIMARY KEY (conference_id, id),
    CONSTRAINT check_ins_sequence_key UNIQUE (conference_id, sequence),
    CONSTRAINT check_ins_undoes_key UNIQUE (conference_id, undoes),
    CONSTRAINT check_ins_refusal_check CHECK ((outcome = 'refused') = (reason IS NOT NULL)),
    CONSTRAINT check_ins_admission_check CHECK (outcome = 'refused' OR registration_id IS NOT NULL)
) STRICT;
CREATE INDEX check_ins_registration_id_idx ON check_ins (registration_id, at);
CREATE INDEX check_ins_outcome_idx ON check_ins (conference_id, outcome, at, gate, registration_id);

-- How many entries a conference has. Who counts on holds the row until the commit, so that entries come into sight in
-- the order of their numbers, and two scanners at once are judged one after the other.
CREATE TABLE check_in_counters (
    conference_id BLOB NOT NULL CONSTRAINT check_in_counters_pkey PRIMARY KEY CONSTRAINT check_in_counters_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    last_sequence INTEGER NOT NULL
) STRICT;

-- Each transition of a registration causes one message, which names it.
ALTER TABLE outbox_messages ADD COLUMN event_id BLOB;
CREATE UNIQUE INDEX outbox_messages_event_id_key ON outbox_messages (event_id) WHERE event_id IS NOT NULL;
-- What was written to an address.
CREATE INDEX outbox_messages_recipient_idx ON outbox_messages (recipient, created_at);
