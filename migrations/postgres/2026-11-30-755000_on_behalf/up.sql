-- Registrars register people who have no address.
ALTER TABLE registrations ALTER COLUMN email DROP NOT NULL;
ALTER TABLE registrations ALTER COLUMN email_folded DROP NOT NULL;
-- What was erased had a made-up address, as there could be none.
UPDATE registrations SET email = NULL, email_folded = NULL WHERE erased_at IS NOT NULL;
-- How the person consented, and who recorded it; `consented_at` is when. Nobody recorded what came by the form.
ALTER TABLE registrations ADD COLUMN consent_given text NOT NULL DEFAULT 'form' CONSTRAINT registrations_consent_given_check CHECK (consent_given IN ('form', 'paper', 'shown', 'imported'));
ALTER TABLE registrations ADD COLUMN consent_recorded_by text;
UPDATE registrations SET consent_given = 'imported' WHERE id IN (SELECT registration_id FROM registration_events WHERE event = 'imported');
