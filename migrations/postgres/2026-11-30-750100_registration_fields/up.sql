-- Registration of a new conference is closed until it is set up. That of the conferences that exist stays as it is.
ALTER TABLE registration_setups ADD COLUMN enabled boolean NOT NULL DEFAULT true;

-- What a form asks about the person: for all categories, and where a category differs.
ALTER TABLE registration_setups ADD COLUMN fields jsonb NOT NULL DEFAULT '{}';
ALTER TABLE categories ADD COLUMN description jsonb;
ALTER TABLE categories ADD COLUMN fields jsonb NOT NULL DEFAULT '{}';
