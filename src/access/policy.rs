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
    /// Tokens of these roles; an admin always may.
    Roles(&'static [Role]),
    /// Tokens of these roles, and the attendee whom the registration is of.
    OwnOrRoles(&'static [Role]),
}

/// Every operation by its `operationId`.
pub const POLICY: &[(&str, Allowed)] = &[
    ("list_conferences", Allowed::Everyone),
    ("read_conference", Allowed::Everyone),
    ("read_agenda", Allowed::Roles(&[Role::AgendaEditor, Role::Viewer])),
    ("apply_agenda", Allowed::Roles(&[Role::AgendaEditor])),
    ("read_blueprint", Allowed::Roles(&[])),
    ("apply_blueprint", Allowed::Roles(&[])),
    ("publish_release", Allowed::Roles(&[Role::AgendaEditor])),
    ("list_releases", Allowed::Everyone),
    ("read_release", Allowed::Everyone),
    ("read_release_changes", Allowed::Everyone),
    ("read_programme", Allowed::Everyone),
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
    ("read_call_for_action", Allowed::Everyone),
    ("read_registration_form", Allowed::Everyone),
    ("register", Allowed::Everyone),
    ("read_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("cancel_registration", Allowed::OwnOrRoles(&[Role::Registrar])),
    ("alive", Allowed::Everyone),
    ("ready", Allowed::Everyone),
    ("list_problems", Allowed::Everyone),
    ("read_problem", Allowed::Everyone),
    ("read_openapi_json", Allowed::Everyone),
    ("read_openapi_yaml", Allowed::Everyone),
];

/// Who may call `operation`; nobody but an admin, if the table has no such row.
pub fn allowed(operation: &str) -> Allowed {
    POLICY.iter().find(|(name, _)| *name == operation).map_or(Allowed::Roles(&[]), |(_, allowed)| *allowed)
}
