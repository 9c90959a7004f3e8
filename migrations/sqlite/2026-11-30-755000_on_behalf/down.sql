-- Who has no address gets an empty one.
ALTER TABLE registrations DROP COLUMN consent_recorded_by;
ALTER TABLE registrations DROP COLUMN consent_given;
DROP INDEX registrations_live_email_key;
DROP INDEX registrations_live_person_key;
DROP INDEX registrations_email_idx;
UPDATE registrations SET email = 'removed@removed.invalid', email_folded = 'removed@removed.invalid' WHERE erased_at IS NOT NULL;
ALTER TABLE registrations ADD COLUMN old_email TEXT NOT NULL DEFAULT '';
ALTER TABLE registrations ADD COLUMN old_email_folded TEXT NOT NULL DEFAULT '';
UPDATE registrations SET old_email = coalesce(email, ''), old_email_folded = coalesce(email_folded, '');
ALTER TABLE registrations DROP COLUMN email;
ALTER TABLE registrations DROP COLUMN email_folded;
ALTER TABLE registrations RENAME COLUMN old_email TO email;
ALTER TABLE registrations RENAME COLUMN old_email_folded TO email_folded;
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted') AND NOT shares_mailbox;
CREATE UNIQUE INDEX registrations_live_person_key ON registrations (conference_id, email_folded, name_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted') AND shares_mailbox;
CREATE INDEX registrations_email_idx ON registrations (conference_id, email_folded);
