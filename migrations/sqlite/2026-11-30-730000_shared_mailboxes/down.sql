-- Fails while several live registrations have one address, or a broadcast went to several people behind one.
DROP INDEX outbox_messages_addressee_idx;
DROP INDEX outbox_messages_broadcast_addressee_key;
DROP INDEX outbox_messages_broadcast_id_key;
CREATE UNIQUE INDEX outbox_messages_broadcast_id_key ON outbox_messages (broadcast_id, recipient_folded) WHERE broadcast_id IS NOT NULL AND scrubbed_at IS NULL;
ALTER TABLE outbox_messages DROP COLUMN addressee_id;
DROP INDEX registrations_live_person_key;
DROP INDEX registrations_live_email_key;
CREATE UNIQUE INDEX registrations_live_email_key ON registrations (conference_id, email_folded) WHERE state IN ('unverified', 'pending', 'confirmed', 'waitlisted');
ALTER TABLE registrations DROP COLUMN shares_mailbox;
ALTER TABLE delegations DROP COLUMN shared_mailbox;
ALTER TABLE categories DROP COLUMN shared_mailbox;
