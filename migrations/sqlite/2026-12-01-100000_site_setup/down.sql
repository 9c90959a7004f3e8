ALTER TABLE registrations DROP COLUMN privacy_notice_version;
DROP TABLE privacy_notices;
DROP TABLE site_setups;
