-- The nouns of the agenda, its releases, registration, the outbox and the tokens.
-- Codes are unique in their conference. Localised texts are maps from language tag to text.

CREATE TABLE conferences (
    id BLOB NOT NULL CONSTRAINT conferences_pkey PRIMARY KEY,
    slug TEXT NOT NULL CONSTRAINT conferences_slug_key UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    starts_on TEXT NOT NULL,
    ends_on TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    languages TEXT NOT NULL,
    venue TEXT,
    created_at TEXT NOT NULL,
    CONSTRAINT conferences_dates_check CHECK (starts_on <= ends_on)
) STRICT;

CREATE TABLE organisations (
    id BLOB NOT NULL CONSTRAINT organisations_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT organisations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CONSTRAINT organisations_kind_check CHECK (kind IN ('state', 'international_organisation', 'regional_organisation', 'government_body', 'university', 'research_institute', 'ngo', 'media', 'company', 'other')),
    country TEXT,
    website TEXT,
    CONSTRAINT organisations_code_key UNIQUE (conference_id, code)
) STRICT;

CREATE TABLE conference_organisations (
    conference_id BLOB NOT NULL CONSTRAINT conference_organisations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    organisation_id BLOB NOT NULL CONSTRAINT conference_organisations_organisation_id_fkey REFERENCES organisations (id),
    role TEXT NOT NULL CONSTRAINT conference_organisations_role_check CHECK (role IN ('organiser', 'host', 'partner')),
    ordinal INTEGER NOT NULL,
    CONSTRAINT conference_organisations_pkey PRIMARY KEY (conference_id, organisation_id, role)
) STRICT;

CREATE TABLE days (
    id BLOB NOT NULL CONSTRAINT days_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT days_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    date TEXT NOT NULL,
    title TEXT,
    changeover TEXT NOT NULL,
    CONSTRAINT days_date_key UNIQUE (conference_id, date)
) STRICT;

CREATE TABLE rooms (
    id BLOB NOT NULL CONSTRAINT rooms_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT rooms_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    capacity INTEGER CONSTRAINT rooms_capacity_check CHECK (capacity > 0),
    CONSTRAINT rooms_code_key UNIQUE (conference_id, code)
) STRICT;

CREATE TABLE tracks (
    id BLOB NOT NULL CONSTRAINT tracks_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT tracks_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    CONSTRAINT tracks_code_key UNIQUE (conference_id, code)
) STRICT;

CREATE TABLE speakers (
    id BLOB NOT NULL CONSTRAINT speakers_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT speakers_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    honorific TEXT,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    position TEXT,
    organisation_id BLOB CONSTRAINT speakers_organisation_id_fkey REFERENCES organisations (id),
    country TEXT,
    biography TEXT,
    precedence TEXT CONSTRAINT speakers_precedence_check CHECK (precedence IN ('head_of_state', 'head_of_government', 'vice_president', 'minister', 'deputy_minister', 'head_of_organisation', 'ambassador', 'other')),
    CONSTRAINT speakers_code_key UNIQUE (conference_id, code)
) STRICT;

CREATE TABLE sessions (
    id BLOB NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT sessions_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    guid BLOB,
    kind TEXT NOT NULL CONSTRAINT sessions_kind_check CHECK (kind IN ('opening', 'thematic', 'high_level_political', 'closing', 'parallel', 'side_event', 'ceremony', 'social', 'break')),
    title TEXT NOT NULL,
    abstract TEXT,
    starts_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    room_id BLOB CONSTRAINT sessions_room_id_fkey REFERENCES rooms (id),
    track_id BLOB CONSTRAINT sessions_track_id_fkey REFERENCES tracks (id),
    languages TEXT NOT NULL,
    interpretation TEXT NOT NULL,
    access TEXT NOT NULL CONSTRAINT sessions_access_check CHECK (access IN ('open', 'sign_up', 'invitation')),
    seats INTEGER CONSTRAINT sessions_seats_check CHECK (seats >= 0),
    CONSTRAINT sessions_code_key UNIQUE (conference_id, code),
    CONSTRAINT sessions_times_check CHECK (starts_at < ends_at)
) STRICT;

CREATE TABLE items (
    id BLOB NOT NULL CONSTRAINT items_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT items_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    session_id BLOB NOT NULL CONSTRAINT items_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL CONSTRAINT items_kind_check CHECK (kind IN ('welcome_address', 'keynote', 'panel', 'statement', 'ministerial_intervention', 'institutional_response', 'discussion', 'call_for_action', 'performance', 'break')),
    title TEXT NOT NULL,
    abstract TEXT,
    time_limit_minutes INTEGER CONSTRAINT items_time_limit_minutes_check CHECK (time_limit_minutes > 0),
    CONSTRAINT items_code_key UNIQUE (conference_id, code)
) STRICT;
CREATE INDEX items_session_id_idx ON items (session_id);

CREATE TABLE appearances (
    id BLOB NOT NULL CONSTRAINT appearances_pkey PRIMARY KEY,
    session_id BLOB NOT NULL CONSTRAINT appearances_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    item_id BLOB CONSTRAINT appearances_item_id_fkey REFERENCES items (id) ON DELETE CASCADE,
    speaker_id BLOB NOT NULL CONSTRAINT appearances_speaker_id_fkey REFERENCES speakers (id),
    role TEXT NOT NULL CONSTRAINT appearances_role_check CHECK (role IN ('chair', 'moderator', 'keynote_speaker', 'panellist', 'speaker', 'rapporteur')),
    ordinal INTEGER NOT NULL
) STRICT;
CREATE INDEX appearances_session_id_idx ON appearances (session_id);
CREATE INDEX appearances_item_id_idx ON appearances (item_id);
CREATE INDEX appearances_speaker_id_idx ON appearances (speaker_id);

CREATE TABLE calls_for_action (
    id BLOB NOT NULL CONSTRAINT calls_for_action_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT calls_for_action_conference_id_key UNIQUE CONSTRAINT calls_for_action_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    preamble TEXT,
    issuing_speaker_id BLOB CONSTRAINT calls_for_action_issuing_speaker_id_fkey REFERENCES speakers (id),
    issuing_organisation_id BLOB CONSTRAINT calls_for_action_issuing_organisation_id_fkey REFERENCES organisations (id),
    status TEXT NOT NULL CONSTRAINT calls_for_action_status_check CHECK (status IN ('drafted', 'adopted')),
    CONSTRAINT calls_for_action_issuer_check CHECK (issuing_speaker_id IS NULL OR issuing_organisation_id IS NULL)
) STRICT;

CREATE TABLE commitments (
    call_for_action_id BLOB NOT NULL CONSTRAINT commitments_call_for_action_id_fkey REFERENCES calls_for_action (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    basis TEXT,
    CONSTRAINT commitments_pkey PRIMARY KEY (call_for_action_id, number)
) STRICT;

-- A release is immutable: its content is the whole agenda as it was published.
CREATE TABLE releases (
    id BLOB NOT NULL CONSTRAINT releases_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT releases_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    released_at TEXT NOT NULL,
    author TEXT NOT NULL,
    note TEXT,
    content TEXT NOT NULL,
    changes TEXT NOT NULL,
    CONSTRAINT releases_number_key UNIQUE (conference_id, number)
) STRICT;

-- One row a conference: its seat quota, its opening hours and the counter that orders arrivals.
-- Every transaction that gives, frees or counts seats locks this row first.
CREATE TABLE registration_setups (
    conference_id BLOB NOT NULL CONSTRAINT registration_setups_pkey PRIMARY KEY CONSTRAINT registration_setups_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    seats INTEGER CONSTRAINT registration_setups_seats_check CHECK (seats >= 0),
    seats_taken INTEGER NOT NULL,
    opens_at TEXT,
    closes_at TEXT,
    last_arrival INTEGER NOT NULL,
    CONSTRAINT registration_setups_seats_taken_check CHECK (seats_taken >= 0 AND (seats IS NULL OR seats_taken <= seats)),
    CONSTRAINT registration_setups_times_check CHECK (opens_at IS NULL OR closes_at IS NULL OR opens_at < closes_at)
) STRICT;

CREATE TABLE categories (
    id BLOB NOT NULL CONSTRAINT categories_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT categories_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    seats INTEGER CONSTRAINT categories_seats_check CHECK (seats >= 0),
    seats_taken INTEGER NOT NULL,
    CONSTRAINT categories_code_key UNIQUE (conference_id, code),
    CONSTRAINT categories_seats_taken_check CHECK (seats_taken >= 0 AND (seats IS NULL OR seats_taken <= seats))
) STRICT;

CREATE TABLE registrations (
    id BLOB NOT NULL CONSTRAINT registrations_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT registrations_conference_id_fkey REFERENCES conferences (id),
    category_id BLOB NOT NULL CONSTRAINT registrations_category_id_fkey REFERENCES categories (id),
    reference TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT registrations_state_check CHECK (state IN ('confirmed', 'waitlisted', 'cancelled')),
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
    CONSTRAINT registrations_reference_key UNIQUE (conference_id, reference)
) STRICT;
-- One live registration an address; a final one frees it.
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('confirmed', 'waitlisted');
-- The waiting list of the conference and of each category, first come first served.
CREATE INDEX registrations_waiting_idx ON registrations (category_id, arrival) WHERE state = 'waitlisted';

CREATE TABLE registration_events (
    id BLOB NOT NULL CONSTRAINT registration_events_pkey PRIMARY KEY,
    registration_id BLOB NOT NULL CONSTRAINT registration_events_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'promoted', 'cancelled')),
    state TEXT NOT NULL
) STRICT;
CREATE INDEX registration_events_registration_id_idx ON registration_events (registration_id);

-- Messages to be sent, written in the transaction that caused them.
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
    sent_at TEXT
) STRICT;
CREATE INDEX outbox_messages_due_idx ON outbox_messages (next_try_at, id) WHERE state = 'waiting';

-- Tokens are kept as SHA-256 digests; a token without a conference is server-wide.
CREATE TABLE tokens (
    id BLOB NOT NULL CONSTRAINT tokens_pkey PRIMARY KEY,
    conference_id BLOB CONSTRAINT tokens_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    role TEXT NOT NULL CONSTRAINT tokens_role_check CHECK (role IN ('admin', 'agenda_editor', 'registrar', 'check_in', 'viewer')),
    label TEXT NOT NULL,
    source TEXT NOT NULL CONSTRAINT tokens_source_check CHECK (source IN ('made', 'settings')),
    prefix TEXT NOT NULL,
    digest TEXT NOT NULL CONSTRAINT tokens_digest_key UNIQUE,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;
