-- The hosts in the UIDs of calendars, of public feeds and of letters. Calendars find an entry by its UID, so these stay
-- what they were at the first start, whatever the settings become. One row.
CREATE TABLE uid_hosts (
    id integer NOT NULL CONSTRAINT uid_hosts_pkey PRIMARY KEY CONSTRAINT uid_hosts_id_check CHECK (id = 1),
    feeds text NOT NULL,
    letters text NOT NULL,
    pinned_at timestamptz NOT NULL
);
