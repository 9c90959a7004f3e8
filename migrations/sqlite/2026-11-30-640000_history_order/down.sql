DROP INDEX audit_entries_sequence_idx;
DROP INDEX audit_entries_conference_id_idx;
CREATE INDEX audit_entries_conference_id_idx ON audit_entries (conference_id, id);
ALTER TABLE audit_entries DROP COLUMN sequence;
ALTER TABLE registration_events RENAME TO new_events;
DROP INDEX registration_events_registration_id_idx;
DROP INDEX registration_events_sequence_key;
CREATE TABLE registration_events (
    id BLOB NOT NULL CONSTRAINT registration_events_pkey PRIMARY KEY,
    registration_id BLOB NOT NULL CONSTRAINT registration_events_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'imported', 'verified', 'approved', 'rejected', 'promoted', 'offered', 'accepted', 'lapsed', 'expired', 'cancelled', 'revoked', 'changed', 'moved', 'sessions_changed', 'seated', 'merged', 'link_renewed')),
    state TEXT NOT NULL,
    detail TEXT
) STRICT;
INSERT INTO registration_events SELECT id, registration_id, at, actor, event, state, detail FROM new_events;
DROP TABLE new_events;
CREATE INDEX registration_events_registration_id_idx ON registration_events (registration_id);
ALTER TABLE registration_setups DROP COLUMN last_event;
