ALTER TABLE invitations DROP COLUMN salutation;
ALTER TABLE delegations DROP COLUMN focal_point_salutation;
ALTER TABLE registrations DROP COLUMN salutation;
ALTER TABLE registration_setups DROP COLUMN letters;
