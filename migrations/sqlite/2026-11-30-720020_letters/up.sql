-- Who the letters of a conference come from, and how they are signed.
ALTER TABLE registration_setups ADD COLUMN letters TEXT NOT NULL DEFAULT '{}';
-- How letters greet a person, by language, where registrars say so; an invitation has one language.
ALTER TABLE registrations ADD COLUMN salutation TEXT;
ALTER TABLE delegations ADD COLUMN focal_point_salutation TEXT;
ALTER TABLE invitations ADD COLUMN salutation TEXT;
