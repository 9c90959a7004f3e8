-- What the pages of a conference say besides its programme, as one document.
CREATE TABLE site_setups (
    conference_id uuid NOT NULL CONSTRAINT site_setups_pkey PRIMARY KEY CONSTRAINT site_setups_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    document jsonb NOT NULL,
    privacy_notice_version integer
);

-- Every privacy notice that was ever in force, so that it is known what somebody consented to.
CREATE TABLE privacy_notices (
    conference_id uuid NOT NULL CONSTRAINT privacy_notices_conference_id_fkey REFERENCES conferences (id) ON DELETE CASCADE,
    version integer NOT NULL CONSTRAINT privacy_notices_version_check CHECK (version > 0),
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT privacy_notices_pkey PRIMARY KEY (conference_id, version)
);

-- The version of the notice that the person consented to; NULL if there was none, or if it is not known.
ALTER TABLE registrations ADD COLUMN privacy_notice_version integer;
