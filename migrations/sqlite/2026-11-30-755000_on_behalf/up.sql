-- Registrars register people who have no address. SQLite cannot make a column nullable: new columns take the place of the
-- old ones.
DROP INDEX registrations_live_email_key;
DROP INDEX registrations_live_person_key;
DROP INDEX registrations_email_idx;
ALTER TABLE registrations ADD COLUMN new_email TEXT;
ALTER TABLE registrations ADD COLUMN new_email_folded TEXT;
UPDATE registrations SET new_email = email, new_email_folded = email_folded;
ALTER TABLE registrations DROP COLUMN email;
ALTER TABLE registrations DROP COLUMN email_folded;
ALTER TABLE registrations RENAME COLUMN new_email TO email;
ALTER TABLE registrations RENAME COLUMN new_email_folded TO email_folded;
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted') AND NOT shares_mailbox;
CREATE UNIQUE INDEX registrations_live_person_key ON registrations (conference_id, email_folded, name_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted') AND shares_mailbox;
CREATE INDEX registrations_email_idx ON registrations (conference_id, email_folded);
-- What was erased had a made-up address, as there could be none.
UPDATE registrations SET email = NULL, email_folded = NULL WHERE erased_at IS NOT NULL;
-- How the person consented, and who recorded it; `consented_at` is when. Nobody recorded what came by the form.
ALTER TABLE registrations ADD COLUMN consent_given TEXT NOT NULL DEFAULT 'form' CONSTRAINT registrations_consent_given_check CHECK (consent_given IN ('form', 'paper', 'shown', 'imported'));
ALTER TABLE registrations ADD COLUMN consent_recorded_by TEXT;
UPDATE registrations SET consent_given = 'imported' WHERE id IN (SELECT registration_id FROM registration_events WHERE event = 'imported');
