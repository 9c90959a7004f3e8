ALTER TABLE conferences DROP COLUMN listing;
