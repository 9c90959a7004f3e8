-- Whether registration goes on after the end of the conference, and from when the registration desk checks badges in.
ALTER TABLE registration_setups ADD COLUMN open_after_end INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registration_setups ADD COLUMN check_in_opens_at TEXT;
-- Whether the conference only shows how the service works.
ALTER TABLE conferences ADD COLUMN is_demonstration INTEGER NOT NULL DEFAULT 0;
