-- The secret key that the links of this store are derived from, by a fingerprint that does not give it away. One row.
CREATE TABLE store_identity (
    id INTEGER NOT NULL CONSTRAINT store_identity_pkey PRIMARY KEY CONSTRAINT store_identity_id_check CHECK (id = 1),
    secret_fingerprint TEXT NOT NULL,
    adopted_at TEXT NOT NULL
) STRICT;
