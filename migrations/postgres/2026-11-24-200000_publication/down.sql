DROP TABLE representations;
ALTER TABLE releases DROP COLUMN words;
ALTER TABLE releases DROP COLUMN history;
