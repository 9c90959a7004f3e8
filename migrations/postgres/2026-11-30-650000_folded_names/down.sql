DROP INDEX invitations_email_idx;
DROP INDEX registrations_email_idx;
