-- The secret key that the links of this store are derived from, by a fingerprint that does not give it away. One row.
CREATE TABLE store_identity (
    id integer NOT NULL CONSTRAINT store_identity_pkey PRIMARY KEY CONSTRAINT store_identity_id_check CHECK (id = 1),
    secret_fingerprint text NOT NULL,
    adopted_at timestamptz NOT NULL
);
