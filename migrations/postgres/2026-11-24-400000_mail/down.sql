ALTER TABLE session_quotas DROP COLUMN seats_released;
