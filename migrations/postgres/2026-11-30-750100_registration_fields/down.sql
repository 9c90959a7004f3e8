ALTER TABLE categories DROP COLUMN fields;
ALTER TABLE categories DROP COLUMN description;
ALTER TABLE registration_setups DROP COLUMN fields;
ALTER TABLE registration_setups DROP COLUMN enabled;
