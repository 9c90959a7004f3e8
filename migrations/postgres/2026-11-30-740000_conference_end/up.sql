-- Whether registration goes on after the end of the conference, and from when the registration desk checks badges in.
ALTER TABLE registration_setups ADD COLUMN open_after_end boolean NOT NULL DEFAULT FALSE;
ALTER TABLE registration_setups ADD COLUMN check_in_opens_at timestamptz;
-- Whether the conference only shows how the service works.
ALTER TABLE conferences ADD COLUMN is_demonstration boolean NOT NULL DEFAULT FALSE;
