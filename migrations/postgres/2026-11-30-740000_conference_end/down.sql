ALTER TABLE conferences DROP COLUMN is_demonstration;
ALTER TABLE registration_setups DROP COLUMN check_in_opens_at;
ALTER TABLE registration_setups DROP COLUMN open_after_end;
