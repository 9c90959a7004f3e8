-- A redaction: its details say what every read leaves out until all that is stored is rewritten; then they are erased.
CREATE TABLE redactions (
    id BLOB NOT NULL CONSTRAINT redactions_pkey PRIMARY KEY,
    conference_id BLOB NOT NULL CONSTRAINT redactions_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    finished_at TEXT,
    details TEXT,
    releases_to INTEGER NOT NULL,
    rewritten_to INTEGER NOT NULL,
    scheduled_to BLOB,
    report TEXT NOT NULL,
    leased_until TEXT,
    CONSTRAINT redactions_details_check CHECK ((details IS NULL) = (finished_at IS NOT NULL))
) STRICT;
CREATE INDEX redactions_conference_id_idx ON redactions (conference_id);
-- How often a redaction rewrote a release: whoever rewrites it knows by that whether another came first.
ALTER TABLE releases ADD COLUMN rewrites INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scheduled_releases ADD COLUMN rewrites INTEGER NOT NULL DEFAULT 0;
