-- What the release of the quotas gives a session: a session that had more seats taken gives none of the surplus anew.
ALTER TABLE session_quotas ADD COLUMN seats_released bigint;
UPDATE session_quotas SET seats_released = seats;
