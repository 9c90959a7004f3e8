-- Fails while somebody is registered without an address.
ALTER TABLE registrations DROP COLUMN consent_recorded_by;
ALTER TABLE registrations DROP COLUMN consent_given;
UPDATE registrations SET email = 'removed@removed.invalid', email_folded = 'removed@removed.invalid' WHERE erased_at IS NOT NULL;
ALTER TABLE registrations ALTER COLUMN email_folded SET NOT NULL;
ALTER TABLE registrations ALTER COLUMN email SET NOT NULL;
