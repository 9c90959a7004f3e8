DROP INDEX outbox_messages_recipient_idx;
DROP INDEX outbox_messages_event_id_key;
ALTER TABLE outbox_messages DROP COLUMN event_id;
DROP TABLE check_in_counters;
DROP TABLE check_ins;
DROP TABLE possible_duplicates;
DROP TABLE delegation_members;
DROP TABLE delegations;
DROP TABLE invitations;
DROP TABLE session_sign_ups;
DROP TABLE session_quotas;
DROP TABLE registration_notes;
-- The older schema knows three states and three events: who has not been let in waits, what is over is cancelled, and of
-- the history stays what it has words for.
UPDATE registrations SET offer_expires_at = NULL;
UPDATE registrations SET state = 'waitlisted' WHERE state IN ('unverified', 'pending');
UPDATE registrations SET state = 'cancelled' WHERE state IN ('rejected', 'expired', 'revoked');
DELETE FROM registration_events WHERE event NOT IN ('registered', 'promoted', 'cancelled');
UPDATE registration_events SET state = 'waitlisted' WHERE state IN ('unverified', 'pending');
UPDATE registration_events SET state = 'cancelled' WHERE state IN ('rejected', 'expired', 'revoked');
CREATE TABLE old_events (id BLOB, registration_id BLOB, at TEXT, actor TEXT, event TEXT, state TEXT) STRICT;
INSERT INTO old_events SELECT id, registration_id, at, actor, event, state FROM registration_events;
DROP TABLE registration_events;
CREATE TABLE new_registrations (
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
INSERT INTO new_registrations
    SELECT id, conference_id, category_id, reference, state, arrival, honorific, given_name, family_name, email, email_folded,
           organisation, position, country, language, phone, accessibility_needs, dietary_needs, consented_at,
           token_generation, created_at, updated_at
    FROM registrations;
DROP TABLE registrations;
ALTER TABLE new_registrations RENAME TO registrations;
CREATE TABLE registration_events (
    id BLOB NOT NULL CONSTRAINT registration_events_pkey PRIMARY KEY,
    registration_id BLOB NOT NULL CONSTRAINT registration_events_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'promoted', 'cancelled')),
    state TEXT NOT NULL
) STRICT;
INSERT INTO registration_events SELECT id, registration_id, at, actor, event, state FROM old_events;
DROP TABLE old_events;
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('confirmed', 'waitlisted');
CREATE INDEX registrations_waiting_idx ON registrations (category_id, arrival) WHERE state = 'waitlisted';
CREATE INDEX registration_events_registration_id_idx ON registration_events (registration_id);
ALTER TABLE categories DROP COLUMN badge;
ALTER TABLE categories DROP COLUMN offer_hours;
ALTER TABLE categories DROP COLUMN waiting_list;
ALTER TABLE categories DROP COLUMN hidden;
ALTER TABLE categories DROP COLUMN verifies_email;
ALTER TABLE categories DROP COLUMN needs_invitation;
ALTER TABLE categories DROP COLUMN needs_approval;
ALTER TABLE categories DROP COLUMN closes_at;
ALTER TABLE categories DROP COLUMN opens_at;
DROP TABLE registration_forms;
ALTER TABLE registration_setups DROP COLUMN sessions_release;
ALTER TABLE registration_setups DROP COLUMN verification_hours;
ALTER TABLE registration_setups DROP COLUMN form_version;
ALTER TABLE registration_setups DROP COLUMN questions;
