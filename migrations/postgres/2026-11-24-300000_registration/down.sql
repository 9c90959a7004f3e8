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
DROP INDEX registration_events_registration_id_idx;
DROP INDEX registrations_invitation_idx;
DROP INDEX registrations_created_idx;
DROP INDEX registrations_updated_idx;
DROP INDEX registrations_name_idx;
DROP INDEX registrations_country_idx;
DROP INDEX registrations_category_idx;
DROP INDEX registrations_state_idx;
DROP INDEX registrations_arrival_key;
DROP INDEX registrations_offer_idx;
DROP INDEX registrations_expires_idx;
DROP INDEX registrations_waiting_idx;
DROP INDEX registrations_live_email_key;
ALTER TABLE registration_events
    DROP CONSTRAINT registration_events_event_check,
    ADD CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'promoted', 'cancelled')),
    DROP COLUMN detail;
ALTER TABLE registrations
    DROP CONSTRAINT registrations_offer_check,
    DROP CONSTRAINT registrations_state_check,
    ADD CONSTRAINT registrations_state_check CHECK (state IN ('confirmed', 'waitlisted', 'cancelled')),
    DROP COLUMN badge,
    DROP COLUMN birth_date,
    DROP COLUMN name_folded,
    ALTER COLUMN email_folded TYPE text,
    DROP COLUMN invitation_id,
    DROP COLUMN offer_expires_at,
    DROP COLUMN expires_at,
    DROP COLUMN form_version,
    DROP COLUMN answers;
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
