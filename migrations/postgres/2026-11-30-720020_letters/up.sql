-- Who the letters of a conference come from, and how they are signed.
ALTER TABLE registration_setups ADD COLUMN letters jsonb NOT NULL DEFAULT '{}';
-- How letters greet a person, by language, where registrars say so; an invitation has one language.
ALTER TABLE registrations ADD COLUMN salutation jsonb;
ALTER TABLE delegations ADD COLUMN focal_point_salutation jsonb;
ALTER TABLE invitations ADD COLUMN salutation text;
