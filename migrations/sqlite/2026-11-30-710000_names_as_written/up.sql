-- A person may have one name only, or a whole name whose parts are not known: then `name` has it as it was written.
-- SQLite cannot make a column nullable: new columns take the place of the old ones.
ALTER TABLE registrations ADD COLUMN new_given_name TEXT;
ALTER TABLE registrations ADD COLUMN new_family_name TEXT;
UPDATE registrations SET new_given_name = given_name, new_family_name = family_name;
ALTER TABLE registrations DROP COLUMN given_name;
ALTER TABLE registrations DROP COLUMN family_name;
ALTER TABLE registrations RENAME COLUMN new_given_name TO given_name;
ALTER TABLE registrations RENAME COLUMN new_family_name TO family_name;
ALTER TABLE registrations ADD COLUMN latin_name TEXT;
ALTER TABLE registrations ADD COLUMN name TEXT CONSTRAINT registrations_name_check CHECK ((name IS NOT NULL) <> (given_name IS NOT NULL OR family_name IS NOT NULL));
