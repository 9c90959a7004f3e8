//! The one table that binds every operation of the API to those who may call it.

use crate::values::text_enum;

text_enum! {
    /// What a token may do in its conference.
    Role {
        /// Everything.
        Admin = "admin",
        /// The agenda and its releases.
        AgendaEditor = "agenda_editor",
        /// Registrations.
        Registrar = "registrar",
        /// Check-in at the door.
        CheckIn = "check_in",
        /// Reading what is not public.
        Viewer = "viewer",
    }
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Everyone, without a token.
    Everyone,
    /// Admins of the whole server: what is done belongs to no conference that is there already.
    ServerAdmins,
    /// Tokens of these roles; an admin always may.
    Roles(&'static [Role]),
    /// Tokens of these roles, and the attendee whom the registration is of, or the focal point of the delegation.
    OwnOrRoles(&'static [Role]),
}

impl Allowed {
    /// Admins alone.
    pub const ADMIN: Self = Self::Roles(&[]);

    /// The words of those who may, as the API document has them.
    pub fn words(self) -> Vec<&'static str> {
        let (roles, own) = match self {
            Self::Everyone => return vec!["everyone"],
            Self::ServerAdmins => return vec!["server_admin"],
            Self::Roles(roles) => (roles, false),
            Self::OwnOrRoles(roles) => (roles, true),
        };
        let roles = [Role::Admin].iter().chain(roles).map(|role| role.as_str());
        roles.chain(own.then_some("attendee")).collect()
    }
}

/// Every operation by its `operationId`, feature by feature.
pub const POLICY: &[(&str, Allowed)] = &[
    // The conference and its programme.
    ("list_conferences", Allowed::Everyone),
    ("read_conference", Allowed::Everyone),
    ("create_conference", Allowed::ServerAdmins),
    ("copy_conference", Allowed::ServerAdmins),
    ("delete_conference", Allowed::ADMIN),
    ("read_programme", Allowed::Everyone),
    ("read_programme_now", Allowed::Everyone),
    ("list_programme_days", Allowed::Everyone),
    ("read_programme_day", Allowed::Everyone),
    ("list_programme_sessions", Allowed::Everyone),
    ("read_programme_session", Allowed::Everyone),
    ("list_programme_panels", Allowed::Everyone),
    ("list_programme_keynotes", Allowed::Everyone),
    ("list_programme_speakers", Allowed::Everyone),
    ("read_programme_speaker", Allowed::Everyone),
    ("read_high_level_session", Allowed::Everyone),
    ("list_programme_rooms", Allowed::Everyone),
    ("list_programme_tracks", Allowed::Everyone),
    ("read_schedule_xml", Allowed::Everyone),
    ("read_schedule_json", Allowed::Everyone),
    ("read_programme_calendar", Allowed::Everyone),
    ("read_programme_jsonld", Allowed::Everyone),
    ("listen_to_programme", Allowed::Everyone),
    ("read_session_table", Allowed::Everyone),
    ("read_release_feed", Allowed::Everyone),
    ("read_session_calendar", Allowed::Everyone),
    ("read_speaker_calendar", Allowed::Everyone),
    ("read_call_for_action", Allowed::Everyone),
    // Releases.
    ("publish_release", Allowed::Roles(&[Role::AgendaEditor])),
    ("restore_release", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_releases", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("cancel_scheduled_release", Allowed::Roles(&[Role::AgendaEditor])),
    ("redact_speaker", Allowed::ADMIN),
    ("read_redaction", Allowed::ADMIN),
    ("create_preview", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_previews", Allowed::Roles(&[Role::AgendaEditor])),
    // Whoever has the link: its token is judged by itself.
    ("read_preview", Allowed::Everyone),
    ("list_releases", Allowed::Everyone),
    ("read_release", Allowed::Everyone),
    ("read_release_changes", Allowed::Everyone),
    // The agenda.
    ("read_agenda", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("apply_agenda", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_conflicts", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("read_completeness", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("read_protocol_order", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("set_protocol_order", Allowed::Roles(&[Role::AgendaEditor])),
    ("import_agenda", Allowed::Roles(&[Role::AgendaEditor])),
    ("reorder_agenda_organisations", Allowed::Roles(&[Role::AgendaEditor])),
    ("reorder_agenda_rooms", Allowed::Roles(&[Role::AgendaEditor])),
    ("reorder_agenda_tracks", Allowed::Roles(&[Role::AgendaEditor])),
    ("reorder_agenda_speakers", Allowed::Roles(&[Role::AgendaEditor])),
    ("reorder_agenda_sessions", Allowed::Roles(&[Role::AgendaEditor])),
    ("reorder_agenda_items", Allowed::Roles(&[Role::AgendaEditor])),
    ("move_agenda_session", Allowed::Roles(&[Role::AgendaEditor])),
    ("duplicate_agenda_session", Allowed::Roles(&[Role::AgendaEditor])),
    ("move_agenda_item", Allowed::Roles(&[Role::AgendaEditor])),
    ("substitute_agenda_speaker", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_conference", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_conference", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_conference", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_call_for_action", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_call_for_action", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_call_for_action", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_call_for_action", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_organisations", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_organisation", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_organisation", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_organisation", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_organisation", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_organisation", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_days", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_day", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_day", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_day", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_day", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_day", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_rooms", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_room", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_room", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_room", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_room", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_room", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_tracks", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_track", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_track", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_track", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_track", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_track", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_speakers", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_speaker", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_speaker", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_speaker", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_speaker", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_speaker", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_sessions", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_session", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_session", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_session", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_session", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_session", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_agenda_items", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("create_agenda_item", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_agenda_item", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("put_agenda_item", Allowed::Roles(&[Role::AgendaEditor])),
    ("patch_agenda_item", Allowed::Roles(&[Role::AgendaEditor])),
    ("delete_agenda_item", Allowed::Roles(&[Role::AgendaEditor])),
    // The blueprint.
    ("read_blueprint", Allowed::ADMIN),
    ("apply_blueprint", Allowed::ADMIN),
    // Registrations.
    ("read_registration_form", Allowed::Everyone),
    ("read_registration_schema", Allowed::Everyone),
    ("register", Allowed::Everyone),
    ("read_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("read_attendee_programme", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("cancel_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("verify_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("accept_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("promote_registration", Allowed::Roles(&[Role::Registrar])),
    ("choose_sessions", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("resend_registration_link", Allowed::Roles(&[Role::Registrar])),
    ("renew_registration_link", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("read_registration_setup", Allowed::Roles(&[Role::Registrar, Role::Viewer])),
    ("put_registration_setup", Allowed::Roles(&[Role::Registrar])),
    // Decisions and notes.
    ("approve_registrations", Allowed::Roles(&[Role::Registrar])),
    ("reject_registrations", Allowed::Roles(&[Role::Registrar])),
    ("revoke_registrations", Allowed::Roles(&[Role::Registrar])),
    ("create_registration_note", Allowed::Roles(&[Role::Registrar])),
    ("list_registration_notes", Allowed::Roles(&[Role::Registrar])),
    ("list_decisions", Allowed::Roles(&[Role::Registrar, Role::Viewer])),
    // One's own registration.
    ("change_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("read_registration_data", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("request_registration_link", Allowed::Everyone),
    // Lists, exports, statistics.
    ("list_registrations", Allowed::Roles(&[Role::Registrar, Role::Viewer])),
    ("export_registrations_csv", Allowed::Roles(&[Role::Registrar, Role::Viewer])),
    ("export_registrations_xlsx", Allowed::Roles(&[Role::Registrar, Role::Viewer])),
    ("read_statistics", Allowed::Roles(&[Role::Registrar, Role::Viewer])),
    // Invitations.
    ("create_invitation", Allowed::Roles(&[Role::Registrar])),
    ("create_invitations", Allowed::Roles(&[Role::Registrar])),
    ("list_invitations", Allowed::Roles(&[Role::Registrar])),
    ("read_invitation", Allowed::Roles(&[Role::Registrar])),
    ("revoke_invitation", Allowed::Roles(&[Role::Registrar])),
    ("resend_invitation", Allowed::Roles(&[Role::Registrar])),
    // Delegations.
    ("list_member_states", Allowed::Everyone),
    ("list_delegations", Allowed::Roles(&[Role::Registrar])),
    ("create_delegation", Allowed::Roles(&[Role::Registrar])),
    ("create_member_state_delegations", Allowed::Roles(&[Role::Registrar])),
    ("read_delegation", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("patch_delegation", Allowed::Roles(&[Role::Registrar])),
    ("delete_delegation", Allowed::Roles(&[Role::Registrar])),
    ("invite_focal_point", Allowed::Roles(&[Role::Registrar])),
    ("add_delegation_member", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("import_delegation_members", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("patch_delegation_member", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("remove_delegation_member", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("replace_delegation_member", Allowed::OwnOrRoles(&[Role::Registrar])),
    // Check-in and badges.
    ("read_check_in_key", Allowed::Everyone),
    ("check_in", Allowed::Roles(&[Role::Registrar, Role::CheckIn])),
    ("list_check_ins", Allowed::Roles(&[Role::Registrar, Role::CheckIn])),
    ("undo_check_in", Allowed::Roles(&[Role::Registrar, Role::CheckIn])),
    ("read_check_in_roster", Allowed::Roles(&[Role::Registrar, Role::CheckIn])),
    ("read_badge", Allowed::OwnOrRoles(&[Role::Registrar, Role::CheckIn])),
    ("read_badge_code", Allowed::OwnOrRoles(&[Role::Registrar, Role::CheckIn])),
    ("print_badges", Allowed::Roles(&[Role::Registrar])),
    // Import and duplicates.
    ("import_registrations", Allowed::Roles(&[Role::Registrar])),
    ("list_duplicates", Allowed::Roles(&[Role::Registrar])),
    ("dismiss_duplicate", Allowed::Roles(&[Role::Registrar])),
    ("merge_duplicate", Allowed::Roles(&[Role::Registrar])),
    // Mail.
    ("list_mail_messages", Allowed::Roles(&[Role::Registrar])),
    ("read_mail_message", Allowed::Roles(&[Role::Registrar])),
    ("retry_mail_message", Allowed::Roles(&[Role::Registrar])),
    ("cancel_mail_message", Allowed::Roles(&[Role::Registrar])),
    ("note_mail_bounce", Allowed::Roles(&[Role::Registrar])),
    ("list_mail_blocks", Allowed::Roles(&[Role::Registrar])),
    ("delete_mail_block", Allowed::Roles(&[Role::Registrar])),
    ("list_mail_templates", Allowed::Roles(&[Role::Registrar])),
    ("put_mail_template", Allowed::Roles(&[Role::Registrar])),
    ("delete_mail_template", Allowed::Roles(&[Role::Registrar])),
    ("preview_mail_template", Allowed::Roles(&[Role::Registrar])),
    ("create_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("list_mail_broadcasts", Allowed::Roles(&[Role::Registrar])),
    ("read_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("count_mail_recipients", Allowed::Roles(&[Role::Registrar])),
    ("preview_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("test_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("send_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("stop_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("resume_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("delete_mail_broadcast", Allowed::Roles(&[Role::Registrar])),
    ("read_mail_preferences", Allowed::Everyone),
    ("set_mail_preferences", Allowed::Everyone),
    // Access.
    ("list_tokens", Allowed::ADMIN),
    ("create_token", Allowed::ADMIN),
    ("read_token", Allowed::ADMIN),
    ("revoke_token", Allowed::ADMIN),
    ("list_audit_entries", Allowed::ADMIN),
    ("list_server_audit_entries", Allowed::ServerAdmins),
    // The service itself.
    ("read_metrics", Allowed::Everyone),
    ("alive", Allowed::Everyone),
    ("ready", Allowed::Everyone),
    ("list_problems", Allowed::Everyone),
    ("read_problem", Allowed::Everyone),
    ("read_openapi_json", Allowed::Everyone),
    ("read_openapi_yaml", Allowed::Everyone),
];

/// Who may call `operation`; nobody but an admin, if the table has no such row.
pub fn allowed(operation: &str) -> Allowed {
    POLICY.iter().find(|(name, _)| *name == operation).map_or(Allowed::ADMIN, |(_, allowed)| *allowed)
}
