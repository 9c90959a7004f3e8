ALTER TABLE registrations ADD COLUMN old_given_name TEXT NOT NULL DEFAULT '';
ALTER TABLE registrations ADD COLUMN old_family_name TEXT NOT NULL DEFAULT '';
UPDATE registrations SET old_given_name = COALESCE(given_name, ''), old_family_name = COALESCE(family_name, name, '');
ALTER TABLE registrations DROP COLUMN name;
ALTER TABLE registrations DROP COLUMN latin_name;
ALTER TABLE registrations DROP COLUMN given_name;
ALTER TABLE registrations DROP COLUMN family_name;
ALTER TABLE registrations RENAME COLUMN old_given_name TO given_name;
ALTER TABLE registrations RENAME COLUMN old_family_name TO family_name;
