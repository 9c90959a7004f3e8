-- The order of histories is a number that is given under a lock: clocks go back, and those of two machines differ.
ALTER TABLE registration_setups ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registration_events RENAME TO old_events;
DROP INDEX registration_events_registration_id_idx;
CREATE TABLE registration_events (
    id BLOB NOT NULL CONSTRAINT registration_events_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT registration_events_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    registration_id BLOB NOT NULL CONSTRAINT registration_events_registration_id_fkey REFERENCES registrations (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL CONSTRAINT registration_events_event_check CHECK (event IN ('registered', 'imported', 'verified', 'approved', 'rejected', 'promoted', 'offered', 'accepted', 'lapsed', 'expired', 'cancelled', 'revoked', 'changed', 'moved', 'sessions_changed', 'seated', 'merged', 'link_renewed')),
    state TEXT NOT NULL,
    detail TEXT
) STRICT;
-- Histories that were written while a clock went back are put right as far as their states tell: what made a
-- registration comes first, and what ended it last. No instant of a history is before the one that it follows.
INSERT INTO registration_events
    SELECT n.id, n.conference_id, n.registration_id, n.sequence, n.at, o.actor, o.event, o.state, o.detail FROM (
    SELECT id, conference_id, registration_id,
           row_number() OVER (PARTITION BY conference_id ORDER BY at, registration_id, place) AS sequence, at
    FROM (
        SELECT e.id, r.conference_id, e.registration_id,
               row_number() OVER step AS place, max(e.at) OVER (step ROWS UNBOUNDED PRECEDING) AS at
        FROM (
            SELECT id, registration_id, at,
                   CASE WHEN event IN ('registered', 'imported') THEN 0 WHEN state = 'unverified' THEN 1
                        WHEN state IN ('rejected', 'expired', 'cancelled', 'revoked') THEN 3 ELSE 2 END AS stage
            FROM old_events
        ) e JOIN registrations r ON r.id = e.registration_id
        WINDOW step AS (PARTITION BY e.registration_id ORDER BY e.stage, e.at, e.id)
    ) told
    ) n JOIN old_events o ON o.id = n.id;
DROP TABLE old_events;
CREATE INDEX registration_events_registration_id_idx ON registration_events (registration_id);
CREATE UNIQUE INDEX registration_events_sequence_key ON registration_events (conference_id, sequence);
UPDATE registration_setups SET last_event = coalesce((SELECT max(sequence) FROM registration_events e WHERE e.conference_id = registration_setups.conference_id), 0);

-- The audit trail, in the order in which it was written. Two that are written at once may have one number.
ALTER TABLE audit_entries ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
UPDATE audit_entries SET sequence = n.sequence FROM (SELECT id, row_number() OVER (ORDER BY id) AS sequence FROM audit_entries) n WHERE n.id = audit_entries.id;
DROP INDEX audit_entries_conference_id_idx;
CREATE INDEX audit_entries_conference_id_idx ON audit_entries (conference_id, sequence, id);
CREATE INDEX audit_entries_sequence_idx ON audit_entries (sequence, id);
