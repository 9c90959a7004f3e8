ALTER TABLE scheduled_releases DROP COLUMN rewrites;
ALTER TABLE releases DROP COLUMN rewrites;
DROP TABLE redactions;
