-- The order of histories is a number that is given under a lock: clocks go back, and those of two machines differ.
ALTER TABLE registration_setups ADD COLUMN last_event bigint NOT NULL DEFAULT 0;
ALTER TABLE registration_events
    ADD COLUMN conference_id uuid CONSTRAINT registration_events_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    ADD COLUMN sequence bigint;
-- Histories that were written while a clock went back are put right as far as their states tell: what made a
-- registration comes first, and what ended it last. No instant of a history is before the one that it follows.
UPDATE registration_events e SET conference_id = n.conference_id, sequence = n.sequence, at = n.at FROM (
    SELECT id, conference_id, registration_id,
           row_number() OVER (PARTITION BY conference_id ORDER BY at, registration_id, place) AS sequence, at
    FROM (
        SELECT e.id, r.conference_id, e.registration_id,
               row_number() OVER step AS place, max(e.at) OVER (step ROWS UNBOUNDED PRECEDING) AS at
        FROM (
            SELECT id, registration_id, at,
                   CASE WHEN event IN ('registered', 'imported') THEN 0 WHEN state = 'unverified' THEN 1
                        WHEN state IN ('rejected', 'expired', 'cancelled', 'revoked') THEN 3 ELSE 2 END AS stage
            FROM registration_events
        ) e JOIN registrations r ON r.id = e.registration_id
        WINDOW step AS (PARTITION BY e.registration_id ORDER BY e.stage, e.at, e.id)
    ) told
) n WHERE n.id = e.id;
ALTER TABLE registration_events ALTER COLUMN conference_id SET NOT NULL, ALTER COLUMN sequence SET NOT NULL;
CREATE UNIQUE INDEX registration_events_sequence_key ON registration_events (conference_id, sequence);
UPDATE registration_setups s SET last_event = coalesce((SELECT max(sequence) FROM registration_events e WHERE e.conference_id = s.conference_id), 0);

-- The audit trail, in the order in which it was written. Two that are written at once may have one number.
ALTER TABLE audit_entries ADD COLUMN sequence bigint NOT NULL DEFAULT 0;
UPDATE audit_entries e SET sequence = n.sequence FROM (SELECT id, row_number() OVER (ORDER BY id) AS sequence FROM audit_entries) n WHERE n.id = e.id;
DROP INDEX audit_entries_conference_id_idx;
CREATE INDEX audit_entries_conference_id_idx ON audit_entries (conference_id, sequence, id);
CREATE INDEX audit_entries_sequence_idx ON audit_entries (sequence, id);
