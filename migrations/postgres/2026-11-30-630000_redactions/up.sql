-- A redaction: its details say what every read leaves out until all that is stored is rewritten; then they are erased.
CREATE TABLE redactions (
    id uuid NOT NULL CONSTRAINT redactions_pkey PRIMARY KEY,
    conference_id uuid NOT NULL CONSTRAINT redactions_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    details jsonb,
    releases_to integer NOT NULL,
    rewritten_to integer NOT NULL,
    scheduled_to uuid,
    report jsonb NOT NULL,
    leased_until timestamptz,
    CONSTRAINT redactions_details_check CHECK ((details IS NULL) = (finished_at IS NOT NULL))
);
CREATE INDEX redactions_conference_id_idx ON redactions (conference_id);
-- How often a redaction rewrote a release: whoever rewrites it knows by that whether another came first.
ALTER TABLE releases ADD COLUMN rewrites integer NOT NULL DEFAULT 0;
ALTER TABLE scheduled_releases ADD COLUMN rewrites integer NOT NULL DEFAULT 0;
