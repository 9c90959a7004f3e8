-- Who is there already is asked for by address, whatever has become of them since: an import asks for thousands, and the
-- index of live addresses serves no question whose states are bound.
CREATE INDEX registrations_email_idx ON registrations (conference_id, email_folded);
CREATE INDEX invitations_email_idx ON invitations (conference_id, email_folded);

-- Names were folded in SQL once, given name first. An empty one is folded anew by the service when it starts.
UPDATE registrations SET name_folded = '' WHERE name_folded = lower(given_name || ' ' || family_name);
