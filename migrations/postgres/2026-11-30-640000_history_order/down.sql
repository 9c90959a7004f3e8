DROP INDEX audit_entries_sequence_idx;
DROP INDEX audit_entries_conference_id_idx;
CREATE INDEX audit_entries_conference_id_idx ON audit_entries (conference_id, id);
ALTER TABLE audit_entries DROP COLUMN sequence;
DROP INDEX registration_events_sequence_key;
ALTER TABLE registration_events DROP COLUMN sequence, DROP COLUMN conference_id;
ALTER TABLE registration_setups DROP COLUMN last_event;
