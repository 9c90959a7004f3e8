ALTER TABLE registrations DROP CONSTRAINT registrations_name_check RESTRICT;
UPDATE registrations SET family_name = COALESCE(family_name, name, ''), given_name = COALESCE(given_name, '');
ALTER TABLE registrations DROP COLUMN name RESTRICT;
ALTER TABLE registrations DROP COLUMN latin_name RESTRICT;
ALTER TABLE registrations ALTER COLUMN given_name SET NOT NULL;
ALTER TABLE registrations ALTER COLUMN family_name SET NOT NULL;
