-- What the pages of a conference say besides its programme, as one document.
CREATE TABLE site_setups (
    conference_id BLOB NOT NULL CONSTRAINT site_setups_pkey PRIMARY KEY CONSTRAINT site_setups_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    privacy_notice_version INTEGER
) STRICT;

-- Every privacy notice that was ever in force, so that it is known what somebody consented to.
CREATE TABLE privacy_notices (
    conference_id BLOB NOT NULL CONSTRAINT privacy_notices_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    version INTEGER NOT NULL CONSTRAINT privacy_notices_version_check CHECK (version > 0),
    document TEXT NOT NULL,
    created_at TEXT NOT NULL,
    CONSTRAINT privacy_notices_pkey PRIMARY KEY (conference_id, version)
) STRICT;

-- The version of the notice that the person consented to; NULL if there was none, or if it is not known.
ALTER TABLE registrations ADD COLUMN privacy_notice_version INTEGER;
