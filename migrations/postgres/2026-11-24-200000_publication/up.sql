-- What became of sessions and items up to a release, and what the release changed, in words.
ALTER TABLE releases ADD COLUMN history jsonb NOT NULL DEFAULT '{}';
ALTER TABLE releases ADD COLUMN words jsonb NOT NULL DEFAULT '{}';

-- The documents of a conference's latest release as they are served: written and compressed once. Services that write
-- otherwise (another version, another public URL) keep their own, by `made_by`.
CREATE TABLE representations (
    release_id uuid NOT NULL CONSTRAINT representations_release_id_fkey REFERENCES releases (id) ON DELETE CASCADE,
    made_by text NOT NULL,
    publication text NOT NULL,
    language text NOT NULL,
    coding text NOT NULL CONSTRAINT representations_coding_check CHECK (coding IN ('br', 'zstd', 'gzip')),
    body bytea NOT NULL,
    CONSTRAINT representations_pkey PRIMARY KEY (release_id, made_by, publication, language, coding)
);
-- The bodies are compressed already.
ALTER TABLE representations ALTER COLUMN body SET STORAGE EXTERNAL;
