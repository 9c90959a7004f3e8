-- When what was entered was removed from a registration whose address nobody verified in time.
ALTER TABLE registrations ADD COLUMN erased_at timestamptz CONSTRAINT registrations_erased_check CHECK (erased_at IS NULL OR state = 'expired');
