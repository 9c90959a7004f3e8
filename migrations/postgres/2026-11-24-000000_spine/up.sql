-- The nouns of the agenda, its releases, registration, the outbox and the tokens.
-- Codes are unique in their conference. Localised texts are maps from language tag to text.

CREATE TABLE conferences (
    id uuid NOT NULL CONSTRAINT conferences_pkey PRIMARY KEY,
    slug text NOT NULL CONSTRAINT conferences_slug_key UNIQUE,
    name jsonb NOT NULL,
    description jsonb,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    time_zone text NOT NULL,
    languages jsonb NOT NULL,
    venue jsonb,
    created_at timestamptz NOT NULL,
    CONSTRAINT conferences_dates_check CHECK (starts_on <= ends_on)
);

CREATE TABLE organisations (
    id uuid NOT NULL CONSTRAINT organisations_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT organisations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    name jsonb NOT NULL,
    kind text NOT NULL CONSTRAINT organisations_kind_check CHECK (kind IN ('state', 'international_organisation', 'regional_organisation', 'government_body', 'university', 'research_institute', 'ngo', 'media', 'company', 'other')),
    country text,
    website text,
    CONSTRAINT organisations_code_key UNIQUE (conference_id, code)
);

CREATE TABLE conference_organisations (
    conference_id uuid NOT NULL CONSTRAINT conference_organisations_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    organisation_id uuid NOT NULL CONSTRAINT conference_organisations_organisation_id_fkey REFERENCES organisations (id),
    role text NOT NULL CONSTRAINT conference_organisations_role_check CHECK (role IN ('organiser', 'host', 'partner')),
    ordinal integer NOT NULL,
    CONSTRAINT conference_organisations_pkey PRIMARY KEY (conference_id, organisation_id, role)
);

CREATE TABLE days (
    id uuid NOT NULL CONSTRAINT days_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT days_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    date date NOT NULL,
    title jsonb,
    changeover text NOT NULL,
    CONSTRAINT days_date_key UNIQUE (conference_id, date)
);

CREATE TABLE rooms (
    id uuid NOT NULL CONSTRAINT rooms_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT rooms_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    name jsonb NOT NULL,
    capacity integer CONSTRAINT rooms_capacity_check CHECK (capacity > 0),
    CONSTRAINT rooms_code_key UNIQUE (conference_id, code)
);

CREATE TABLE tracks (
    id uuid NOT NULL CONSTRAINT tracks_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT tracks_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    name jsonb NOT NULL,
    description jsonb,
    CONSTRAINT tracks_code_key UNIQUE (conference_id, code)
);

CREATE TABLE speakers (
    id uuid NOT NULL CONSTRAINT speakers_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT speakers_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    honorific jsonb,
    given_name text NOT NULL,
    family_name text NOT NULL,
    position jsonb,
    organisation_id uuid CONSTRAINT speakers_organisation_id_fkey REFERENCES organisations (id),
    country text,
    biography jsonb,
    precedence text CONSTRAINT speakers_precedence_check CHECK (precedence IN ('head_of_state', 'head_of_government', 'vice_president', 'minister', 'deputy_minister', 'head_of_organisation', 'ambassador', 'other')),
    CONSTRAINT speakers_code_key UNIQUE (conference_id, code)
);

CREATE TABLE sessions (
    id uuid NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT sessions_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    guid uuid,
    kind text NOT NULL CONSTRAINT sessions_kind_check CHECK (kind IN ('opening', 'thematic', 'high_level_political', 'closing', 'parallel', 'side_event', 'ceremony', 'social', 'break')),
    title jsonb NOT NULL,
    abstract jsonb,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    room_id uuid CONSTRAINT sessions_room_id_fkey REFERENCES rooms (id),
    track_id uuid CONSTRAINT sessions_track_id_fkey REFERENCES tracks (id),
    languages jsonb NOT NULL,
    interpretation jsonb NOT NULL,
    access text NOT NULL CONSTRAINT sessions_access_check CHECK (access IN ('open', 'sign_up', 'invitation')),
    seats integer CONSTRAINT sessions_seats_check CHECK (seats >= 0),
    CONSTRAINT sessions_code_key UNIQUE (conference_id, code),
    CONSTRAINT sessions_times_check CHECK (starts_at < ends_at)
);

CREATE TABLE items (
    id uuid NOT NULL CONSTRAINT items_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT items_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    session_id uuid NOT NULL CONSTRAINT items_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    kind text NOT NULL CONSTRAINT items_kind_check CHECK (kind IN ('welcome_address', 'keynote', 'panel', 'statement', 'ministerial_intervention', 'institutional_response', 'discussion', 'call_for_action', 'performance', 'break')),
    title jsonb NOT NULL,
    abstract jsonb,
    time_limit_minutes integer CONSTRAINT items_time_limit_minutes_check CHECK (time_limit_minutes > 0),
    CONSTRAINT items_code_key UNIQUE (conference_id, code)
);
CREATE INDEX items_session_id_idx ON items (session_id);

CREATE TABLE appearances (
    id uuid NOT NULL CONSTRAINT appearances_pkey PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT appearances_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    item_id uuid CONSTRAINT appearances_item_id_fkey REFERENCES items (id) ON DELETE CASCADE,
    speaker_id uuid NOT NULL CONSTRAINT appearances_speaker_id_fkey REFERENCES speakers (id),
    role text NOT NULL CONSTRAINT appearances_role_check CHECK (role IN ('chair', 'moderator', 'keynote_speaker', 'panellist', 'speaker', 'rapporteur')),
    ordinal integer NOT NULL
);
CREATE INDEX appearances_session_id_idx ON appearances (session_id);
CREATE INDEX appearances_item_id_idx ON appearances (item_id);
CREATE INDEX appearances_speaker_id_idx ON appearances (speaker_id);

CREATE TABLE calls_for_action (
    id uuid NOT NULL CONSTRAINT calls_for_action_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT calls_for_action_conference_id_key UNIQUE CONSTRAINT calls_for_action_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    title jsonb NOT NULL,
    preamble jsonb,
    issuing_speaker_id uuid CONSTRAINT calls_for_action_issuing_speaker_id_fkey REFERENCES speakers (id),
    issuing_organisation_id uuid CONSTRAINT calls_for_action_issuing_organisation_id_fkey REFERENCES organisations (id),
    status text NOT NULL CONSTRAINT calls_for_action_status_check CHECK (status IN ('drafted', 'adopted')),
    CONSTRAINT calls_for_action_issuer_check CHECK (issuing_speaker_id IS NULL OR issuing_organisation_id IS NULL)
);

CREATE TABLE commitments (
    call_for_action_id uuid NOT NULL CONSTRAINT commitments_call_for_action_id_fkey REFERENCES calls_for_action (id) ON DELETE CASCADE,
    number integer NOT NULL,
    text jsonb NOT NULL,
    basis jsonb,
    CONSTRAINT commitments_pkey PRIMARY KEY (call_for_action_id, number)
);

-- A release is immutable: its content is the whole agenda as it was published.
CREATE TABLE releases (
    id uuid NOT NULL CONSTRAINT releases_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT releases_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    number integer NOT NULL,
    released_at timestamptz NOT NULL,
    author text NOT NULL,
    note text,
    content jsonb NOT NULL,
    changes jsonb NOT NULL,
    CONSTRAINT releases_number_key UNIQUE (conference_id, number)
);

-- One row a conference: its seat quota, its opening hours and the counter that orders arrivals.
-- Every transaction that gives, frees or counts seats locks this row first.
CREATE TABLE registration_setups (
    conference_id uuid NOT NULL CONSTRAINT registration_setups_pkey PRIMARY KEY CONSTRAINT registration_setups_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    seats bigint CONSTRAINT registration_setups_seats_check CHECK (seats >= 0),
    seats_taken bigint NOT NULL,
    opens_at timestamptz,
    closes_at timestamptz,
    last_arrival bigint NOT NULL,
    CONSTRAINT registration_setups_seats_taken_check CHECK (seats_taken >= 0 AND (seats IS NULL OR seats_taken <= seats)),
    CONSTRAINT registration_setups_times_check CHECK (opens_at IS NULL OR closes_at IS NULL OR opens_at < closes_at)
);

CREATE TABLE categories (
    id uuid NOT NULL CONSTRAINT categories_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT categories_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    code text NOT NULL,
    ordinal integer NOT NULL,
    name jsonb NOT NULL,
    seats bigint CONSTRAINT categories_seats_check CHECK (seats >= 0),
    seats_taken bigint NOT NULL,
    CONSTRAINT categories_code_key UNIQUE (conference_id, code),
    CONSTRAINT categories_seats_taken_check CHECK (seats_taken >= 0 AND (seats IS NULL OR seats_taken <= seats))
);

CREATE TABLE registrations (
    id uuid NOT NULL CONSTRAINT registrations_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT registrations_conference_id_fkey REFERENCES conferences (id),
    category_id uuid NOT NULL CONSTRAINT registrations_category_id_fkey REFERENCES categories (id),
    reference text NOT NULL,
    state text NOT NULL CONSTRAINT registrations_state_check CHECK (state IN ('confirmed', 'waitlisted', 'cancelled')),
    arrival bigint NOT NULL,
    honorific text,
    given_name text NOT NULL,
    family_name text NOT NULL,
    email text NOT NULL,
    email_folded text NOT NULL,
    organisation text,
    position text,
    country text,
    language text NOT NULL,
    phone text,
    accessibility_needs text,
    dietary_needs text,
    consented_at timestamptz NOT NULL,
    token_generation integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT registrations_reference_key UNIQUE (conference_id, reference)
);
-- One live registration an address; a final one frees it.
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('confirmed', 'waitlisted');
-- The waiting list of the conference and of each category, first come first served.
CREATE INDEX registrations_waiting_idx ON registrations (category_id, arrival) WHERE state = 'waitlisted';

CREATE TABLE registration_events (
    id uuid NOT NULL CONSTRAINT registration_events_pkey PRIMARY KEY,
    registration_id uuid NOT NULL CONSTRAINT registration_events_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    event text NOT NULL CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'promoted', 'cancelled')),
    state text NOT NULL
);
CREATE INDEX registration_events_registration_id_idx ON registration_events (registration_id);

-- Messages to be sent, written in the transaction that caused them.
CREATE TABLE outbox_messages (
    id uuid NOT NULL CONSTRAINT outbox_messages_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT outbox_messages_conference_id_fkey REFERENCES conferences (id),
    kind text NOT NULL,
    recipient text NOT NULL,
    language text NOT NULL,
    content jsonb NOT NULL,
    state text NOT NULL CONSTRAINT outbox_messages_state_check CHECK (state IN ('waiting', 'sent', 'failed')),
    tries integer NOT NULL,
    next_try_at timestamptz NOT NULL,
    lease_holder uuid,
    leased_until timestamptz,
    last_error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX outbox_messages_due_idx ON outbox_messages (next_try_at, id) WHERE state = 'waiting';

-- Tokens are kept as SHA-256 digests; a token without a conference is server-wide.
CREATE TABLE tokens (
    id uuid NOT NULL CONSTRAINT tokens_pkey PRIMARY KEY,
    conference_id uuid CONSTRAINT tokens_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    role text NOT NULL CONSTRAINT tokens_role_check CHECK (role IN ('admin', 'agenda_editor', 'registrar', 'check_in', 'viewer')),
    label text NOT NULL,
    source text NOT NULL CONSTRAINT tokens_source_check CHECK (source IN ('made', 'settings')),
    prefix text NOT NULL,
    digest text NOT NULL CONSTRAINT tokens_digest_key UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
