-- Who finds a conference. Those that exist stay as public as they are.
ALTER TABLE conferences ADD COLUMN listing TEXT NOT NULL DEFAULT 'listed' CONSTRAINT conferences_listing_check CHECK (listing IN ('listed', 'unlisted', 'private'));
