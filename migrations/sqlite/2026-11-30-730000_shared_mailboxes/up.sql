-- Several people behind one address, such as the delegates whom a mission registers: the category or the delegation allows
-- it, and each registration remembers that it was allowed.
ALTER TABLE categories ADD COLUMN shared_mailbox INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delegations ADD COLUMN shared_mailbox INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registrations ADD COLUMN shares_mailbox INTEGER NOT NULL DEFAULT 0;
-- A live registration has its address for itself, or shares it with people of other names; a final one frees it.
DROP INDEX registrations_live_email_key;
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted') AND NOT shares_mailbox;
CREATE UNIQUE INDEX registrations_live_person_key ON registrations (conference_id, email_folded, name_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted') AND shares_mailbox;
-- The registration of the one person whom a message is to, where several share the mailbox.
ALTER TABLE outbox_messages ADD COLUMN addressee_id BLOB;
-- Nobody gets the same broadcast twice.
DROP INDEX outbox_messages_broadcast_id_key;
CREATE UNIQUE INDEX outbox_messages_broadcast_id_key ON outbox_messages (broadcast_id, recipient_folded) WHERE broadcast_id IS NOT NULL AND scrubbed_at IS NULL AND addressee_id IS NULL;
CREATE UNIQUE INDEX outbox_messages_broadcast_addressee_key ON outbox_messages (broadcast_id, addressee_id) WHERE broadcast_id IS NOT NULL AND addressee_id IS NOT NULL;
CREATE INDEX outbox_messages_addressee_idx ON outbox_messages (addressee_id, created_at) WHERE addressee_id IS NOT NULL;
