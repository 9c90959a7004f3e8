-- A person may have one name only, or a whole name whose parts are not known: then `name` has it as it was written.
ALTER TABLE registrations ALTER COLUMN given_name DROP NOT NULL;
ALTER TABLE registrations ALTER COLUMN family_name DROP NOT NULL;
ALTER TABLE registrations ADD COLUMN latin_name text;
ALTER TABLE registrations ADD COLUMN name text CONSTRAINT registrations_name_check CHECK ((name IS NOT NULL) <> (given_name IS NOT NULL OR family_name IS NOT NULL));
