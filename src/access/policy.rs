//! The table that lists who may call each operation of the API.

use crate::values::text_enum;

text_enum! {
    /// What a token may do in its conference, or in all of them.
    Role {
        /// Every operation.
        Admin = "admin",
        /// Edits the agenda and publishes releases.
        AgendaEditor = "agenda_editor",
        /// Manages registrations, invitations, delegations, check-in and mail.
        Registrar = "registrar",
        /// Checks attendees in.
        CheckIn = "check_in",
        /// Reads the agenda and lists of registrations, and changes nothing.
        Viewer = "viewer",
    }
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Everyone,
    /// Tokens of the role `admin` for the whole server, because the operation does not belong to an existing
    /// conference.
    ServerAdmins,
    /// Tokens of these roles, and of the role `admin`.
    Roles(&'static [Role]),
    /// Tokens of these roles, and the holder of the personal link of the registration or of the delegation.
    OwnOrRoles(&'static [Role]),
}

impl Access {
    /// Tokens of the role `admin` only.
    pub const ADMIN: Self = Self::Roles(&[]);

    /// The names for `x-roles` in the API document.
    pub fn role_names(self) -> Vec<&'static str> {
        let (roles, has_own_access) = match self {
            Self::Everyone => return vec!["everyone"],
            Self::ServerAdmins => return vec!["server_admin"],
            Self::Roles(roles) => (roles, false),
            Self::OwnOrRoles(roles) => (roles, true),
        };
        let roles = [Role::Admin].iter().chain(roles).map(|role| role.as_str());
        roles.chain(has_own_access.then_some("attendee")).collect()
    }
}

/// Makes [`Operation`] and the table: each operation by its `operationId`, with who may call it.
macro_rules! policy {
    ($($name:ident = $id:literal: $access:expr),+ $(,)?) => {
        text_enum! {
            /// An operation of the API.
            Operation { $($name = $id),+ }
        }

        impl Operation {
            /// Who may call it.
            pub const fn access(self) -> Access {
                match self { $(Self::$name => $access),+ }
            }

            /// Whether it may change who finds a conference.
            pub const fn may_change_listing(self) -> bool {
                matches!(
                    self,
                    Self::ApplyAgenda
                        | Self::ApplyBlueprint
                        | Self::ImportAgenda
                        | Self::PatchAgendaConference
                        | Self::PutAgendaConference
                )
            }

            /// Whether the holder of the personal link of what the operation is about may call it.
            pub const fn accepts_personal_link(self) -> bool {
                matches!(self.access(), Access::OwnOrRoles(_))
            }
        }
    };
}

policy! {
    // The conference and its programme.
    ListConferences = "list_conferences": Access::Everyone,
    ReadConference = "read_conference": Access::Everyone,
    CreateConference = "create_conference": Access::ServerAdmins,
    CopyConference = "copy_conference": Access::ServerAdmins,
    DeleteConference = "delete_conference": Access::ADMIN,
    ReadProgramme = "read_programme": Access::Everyone,
    ReadProgrammeNow = "read_programme_now": Access::Everyone,
    ListProgrammeDays = "list_programme_days": Access::Everyone,
    ReadProgrammeDay = "read_programme_day": Access::Everyone,
    ListProgrammeSessions = "list_programme_sessions": Access::Everyone,
    ReadProgrammeSession = "read_programme_session": Access::Everyone,
    ListProgrammePanels = "list_programme_panels": Access::Everyone,
    ListProgrammeKeynotes = "list_programme_keynotes": Access::Everyone,
    ListProgrammeSpeakers = "list_programme_speakers": Access::Everyone,
    ReadProgrammeSpeaker = "read_programme_speaker": Access::Everyone,
    ReadHighLevelSession = "read_high_level_session": Access::Everyone,
    ListProgrammeRooms = "list_programme_rooms": Access::Everyone,
    ListProgrammeTracks = "list_programme_tracks": Access::Everyone,
    ReadScheduleXml = "read_schedule_xml": Access::Everyone,
    ReadScheduleJson = "read_schedule_json": Access::Everyone,
    ReadProgrammeCalendar = "read_programme_calendar": Access::Everyone,
    ReadProgrammeJsonld = "read_programme_jsonld": Access::Everyone,
    ListenToProgramme = "listen_to_programme": Access::Everyone,
    ReadSessionTable = "read_session_table": Access::Everyone,
    ReadReleaseFeed = "read_release_feed": Access::Everyone,
    ReadSessionCalendar = "read_session_calendar": Access::Everyone,
    ReadSpeakerCalendar = "read_speaker_calendar": Access::Everyone,
    ReadCallForAction = "read_call_for_action": Access::Everyone,
    // Releases.
    PublishRelease = "publish_release": Access::Roles(&[Role::AgendaEditor]),
    RestoreRelease = "restore_release": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaReleases = "list_agenda_releases": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CancelScheduledRelease = "cancel_scheduled_release": Access::Roles(&[Role::AgendaEditor]),
    RedactSpeaker = "redact_speaker": Access::ADMIN,
    ReadRedaction = "read_redaction": Access::ADMIN,
    CreatePreview = "create_preview": Access::Roles(&[Role::AgendaEditor]),
    DeletePreviews = "delete_previews": Access::Roles(&[Role::AgendaEditor]),
    // Public: the token in the link is checked by the handler.
    ReadPreview = "read_preview": Access::Everyone,
    ListReleases = "list_releases": Access::Everyone,
    ReadRelease = "read_release": Access::Everyone,
    ReadReleaseChanges = "read_release_changes": Access::Everyone,
    // The agenda.
    ReadAgenda = "read_agenda": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    ApplyAgenda = "apply_agenda": Access::Roles(&[Role::AgendaEditor]),
    ListConflicts = "list_conflicts": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    ReadCompleteness = "read_completeness": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    ReadProtocolOrder = "read_protocol_order": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    SetProtocolOrder = "set_protocol_order": Access::Roles(&[Role::AgendaEditor]),
    ImportAgenda = "import_agenda": Access::Roles(&[Role::AgendaEditor]),
    ReorderAgendaOrganisations = "reorder_agenda_organisations": Access::Roles(&[Role::AgendaEditor]),
    ReorderAgendaRooms = "reorder_agenda_rooms": Access::Roles(&[Role::AgendaEditor]),
    ReorderAgendaTracks = "reorder_agenda_tracks": Access::Roles(&[Role::AgendaEditor]),
    ReorderAgendaSpeakers = "reorder_agenda_speakers": Access::Roles(&[Role::AgendaEditor]),
    ReorderAgendaSessions = "reorder_agenda_sessions": Access::Roles(&[Role::AgendaEditor]),
    ReorderAgendaItems = "reorder_agenda_items": Access::Roles(&[Role::AgendaEditor]),
    MoveAgendaSession = "move_agenda_session": Access::Roles(&[Role::AgendaEditor]),
    DuplicateAgendaSession = "duplicate_agenda_session": Access::Roles(&[Role::AgendaEditor]),
    MoveAgendaItem = "move_agenda_item": Access::Roles(&[Role::AgendaEditor]),
    SubstituteAgendaSpeaker = "substitute_agenda_speaker": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaConference = "read_agenda_conference": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaConference = "put_agenda_conference": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaConference = "patch_agenda_conference": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaCallForAction = "read_agenda_call_for_action": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaCallForAction = "put_agenda_call_for_action": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaCallForAction = "patch_agenda_call_for_action": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaCallForAction = "delete_agenda_call_for_action": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaOrganisations = "list_agenda_organisations": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaOrganisation = "create_agenda_organisation": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaOrganisation = "read_agenda_organisation": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaOrganisation = "put_agenda_organisation": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaOrganisation = "patch_agenda_organisation": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaOrganisation = "delete_agenda_organisation": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaDays = "list_agenda_days": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaDay = "create_agenda_day": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaDay = "read_agenda_day": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaDay = "put_agenda_day": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaDay = "patch_agenda_day": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaDay = "delete_agenda_day": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaRooms = "list_agenda_rooms": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaRoom = "create_agenda_room": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaRoom = "read_agenda_room": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaRoom = "put_agenda_room": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaRoom = "patch_agenda_room": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaRoom = "delete_agenda_room": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaTracks = "list_agenda_tracks": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaTrack = "create_agenda_track": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaTrack = "read_agenda_track": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaTrack = "put_agenda_track": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaTrack = "patch_agenda_track": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaTrack = "delete_agenda_track": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaSpeakers = "list_agenda_speakers": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaSpeaker = "create_agenda_speaker": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaSpeaker = "read_agenda_speaker": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaSpeaker = "put_agenda_speaker": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaSpeaker = "patch_agenda_speaker": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaSpeaker = "delete_agenda_speaker": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaSessions = "list_agenda_sessions": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaSession = "create_agenda_session": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaSession = "read_agenda_session": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaSession = "put_agenda_session": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaSession = "patch_agenda_session": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaSession = "delete_agenda_session": Access::Roles(&[Role::AgendaEditor]),
    ListAgendaItems = "list_agenda_items": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    CreateAgendaItem = "create_agenda_item": Access::Roles(&[Role::AgendaEditor]),
    ReadAgendaItem = "read_agenda_item": Access::Roles(&[Role::AgendaEditor, Role::Viewer]),
    PutAgendaItem = "put_agenda_item": Access::Roles(&[Role::AgendaEditor]),
    PatchAgendaItem = "patch_agenda_item": Access::Roles(&[Role::AgendaEditor]),
    DeleteAgendaItem = "delete_agenda_item": Access::Roles(&[Role::AgendaEditor]),
    // The blueprint.
    ReadBlueprint = "read_blueprint": Access::ADMIN,
    ApplyBlueprint = "apply_blueprint": Access::ADMIN,
    // What the pages say besides the programme.
    ReadSite = "read_site": Access::Everyone,
    PutSite = "put_site": Access::Roles(&[Role::AgendaEditor]),
    PatchSite = "patch_site": Access::Roles(&[Role::AgendaEditor]),
    // Registrations.
    ReadRegistrationForm = "read_registration_form": Access::Everyone,
    ReadRegistrationSchema = "read_registration_schema": Access::Everyone,
    Register = "register": Access::Everyone,
    ReadRegistration = "read_registration": Access::OwnOrRoles(&[Role::Registrar]),
    ReadAttendeeProgramme = "read_attendee_programme": Access::OwnOrRoles(&[Role::Registrar]),
    CancelRegistration = "cancel_registration": Access::OwnOrRoles(&[Role::Registrar]),
    VerifyRegistration = "verify_registration": Access::OwnOrRoles(&[Role::Registrar]),
    AcceptRegistration = "accept_registration": Access::OwnOrRoles(&[Role::Registrar]),
    PromoteRegistration = "promote_registration": Access::Roles(&[Role::Registrar]),
    ChooseSessions = "choose_sessions": Access::OwnOrRoles(&[Role::Registrar]),
    ResendRegistrationLink = "resend_registration_link": Access::Roles(&[Role::Registrar]),
    RenewRegistrationLink = "renew_registration_link": Access::OwnOrRoles(&[Role::Registrar]),
    ReadRegistrationSetup = "read_registration_setup": Access::Roles(&[Role::Registrar, Role::Viewer]),
    PutRegistrationSetup = "put_registration_setup": Access::Roles(&[Role::Registrar]),
    PatchRegistrationSetup = "patch_registration_setup": Access::Roles(&[Role::Registrar]),
    // Decisions and notes.
    ApproveRegistrations = "approve_registrations": Access::Roles(&[Role::Registrar]),
    RejectRegistrations = "reject_registrations": Access::Roles(&[Role::Registrar]),
    CancelRegistrations = "cancel_registrations": Access::Roles(&[Role::Registrar]),
    RegisterOnBehalf = "register_on_behalf": Access::Roles(&[Role::Registrar]),
    RevokeRegistrations = "revoke_registrations": Access::Roles(&[Role::Registrar]),
    CreateRegistrationNote = "create_registration_note": Access::Roles(&[Role::Registrar]),
    ListRegistrationNotes = "list_registration_notes": Access::Roles(&[Role::Registrar]),
    ListDecisions = "list_decisions": Access::Roles(&[Role::Registrar, Role::Viewer]),
    // One's own registration.
    ChangeRegistration = "change_registration": Access::OwnOrRoles(&[Role::Registrar]),
    ReadRegistrationCalendar = "read_registration_calendar": Access::OwnOrRoles(&[Role::Registrar]),
    ReadRegistrationData = "read_registration_data": Access::OwnOrRoles(&[Role::Registrar]),
    RequestRegistrationLink = "request_registration_link": Access::Everyone,
    // Lists, exports, statistics.
    ListRegistrations = "list_registrations": Access::Roles(&[Role::Registrar, Role::Viewer]),
    ExportRegistrationsCsv = "export_registrations_csv": Access::Roles(&[Role::Registrar, Role::Viewer]),
    ExportRegistrationsXlsx = "export_registrations_xlsx": Access::Roles(&[Role::Registrar, Role::Viewer]),
    ReadStatistics = "read_statistics": Access::Roles(&[Role::Registrar, Role::Viewer]),
    // Invitations.
    CreateInvitation = "create_invitation": Access::Roles(&[Role::Registrar]),
    CreateInvitations = "create_invitations": Access::Roles(&[Role::Registrar]),
    ListInvitations = "list_invitations": Access::Roles(&[Role::Registrar]),
    ReadInvitation = "read_invitation": Access::Roles(&[Role::Registrar]),
    RevokeInvitation = "revoke_invitation": Access::Roles(&[Role::Registrar]),
    ResendInvitation = "resend_invitation": Access::Roles(&[Role::Registrar]),
    // Delegations.
    ListMemberStates = "list_member_states": Access::Everyone,
    ListDelegations = "list_delegations": Access::Roles(&[Role::Registrar]),
    CreateDelegation = "create_delegation": Access::Roles(&[Role::Registrar]),
    CreateMemberStateDelegations = "create_member_state_delegations": Access::Roles(&[Role::Registrar]),
    ReadDelegation = "read_delegation": Access::OwnOrRoles(&[Role::Registrar]),
    PatchDelegation = "patch_delegation": Access::Roles(&[Role::Registrar]),
    DeleteDelegation = "delete_delegation": Access::Roles(&[Role::Registrar]),
    InviteFocalPoint = "invite_focal_point": Access::Roles(&[Role::Registrar]),
    AddDelegationMember = "add_delegation_member": Access::OwnOrRoles(&[Role::Registrar]),
    ImportDelegationMembers = "import_delegation_members": Access::OwnOrRoles(&[Role::Registrar]),
    PatchDelegationMember = "patch_delegation_member": Access::OwnOrRoles(&[Role::Registrar]),
    RemoveDelegationMember = "remove_delegation_member": Access::OwnOrRoles(&[Role::Registrar]),
    ReplaceDelegationMember = "replace_delegation_member": Access::OwnOrRoles(&[Role::Registrar]),
    // Check-in and badges.
    ReadCheckInKey = "read_check_in_key": Access::Everyone,
    CheckIn = "check_in": Access::Roles(&[Role::Registrar, Role::CheckIn]),
    ListCheckIns = "list_check_ins": Access::Roles(&[Role::Registrar, Role::CheckIn]),
    UndoCheckIn = "undo_check_in": Access::Roles(&[Role::Registrar, Role::CheckIn]),
    ReadCheckInRoster = "read_check_in_roster": Access::Roles(&[Role::Registrar, Role::CheckIn]),
    ReadBadge = "read_badge": Access::OwnOrRoles(&[Role::Registrar, Role::CheckIn]),
    ReadBadgeCode = "read_badge_code": Access::OwnOrRoles(&[Role::Registrar, Role::CheckIn]),
    PrintBadges = "print_badges": Access::Roles(&[Role::Registrar]),
    CheckBadges = "check_badges": Access::Roles(&[Role::Registrar]),
    // Import and duplicates.
    ImportRegistrations = "import_registrations": Access::Roles(&[Role::Registrar]),
    ListDuplicates = "list_duplicates": Access::Roles(&[Role::Registrar]),
    DismissDuplicate = "dismiss_duplicate": Access::Roles(&[Role::Registrar]),
    MergeDuplicate = "merge_duplicate": Access::Roles(&[Role::Registrar]),
    // Mail.
    ListMailMessages = "list_mail_messages": Access::Roles(&[Role::Registrar]),
    ReadMailMessage = "read_mail_message": Access::Roles(&[Role::Registrar]),
    RetryMailMessage = "retry_mail_message": Access::Roles(&[Role::Registrar]),
    CancelMailMessage = "cancel_mail_message": Access::Roles(&[Role::Registrar]),
    NoteMailBounce = "note_mail_bounce": Access::Roles(&[Role::Registrar]),
    ListMailBlocks = "list_mail_blocks": Access::Roles(&[Role::Registrar]),
    DeleteMailBlock = "delete_mail_block": Access::Roles(&[Role::Registrar]),
    ListMailTemplates = "list_mail_templates": Access::Roles(&[Role::Registrar]),
    PutMailTemplate = "put_mail_template": Access::Roles(&[Role::Registrar]),
    DeleteMailTemplate = "delete_mail_template": Access::Roles(&[Role::Registrar]),
    PreviewMailTemplate = "preview_mail_template": Access::Roles(&[Role::Registrar]),
    CreateMailBroadcast = "create_mail_broadcast": Access::Roles(&[Role::Registrar]),
    ListMailBroadcasts = "list_mail_broadcasts": Access::Roles(&[Role::Registrar]),
    ReadMailBroadcast = "read_mail_broadcast": Access::Roles(&[Role::Registrar]),
    CountMailRecipients = "count_mail_recipients": Access::Roles(&[Role::Registrar]),
    PreviewMailBroadcast = "preview_mail_broadcast": Access::Roles(&[Role::Registrar]),
    TestMailBroadcast = "test_mail_broadcast": Access::Roles(&[Role::Registrar]),
    SendMailBroadcast = "send_mail_broadcast": Access::Roles(&[Role::Registrar]),
    StopMailBroadcast = "stop_mail_broadcast": Access::Roles(&[Role::Registrar]),
    ResumeMailBroadcast = "resume_mail_broadcast": Access::Roles(&[Role::Registrar]),
    DeleteMailBroadcast = "delete_mail_broadcast": Access::Roles(&[Role::Registrar]),
    ReadMailPreferences = "read_mail_preferences": Access::Everyone,
    SetMailPreferences = "set_mail_preferences": Access::Everyone,
    // Access.
    ListTokens = "list_tokens": Access::ADMIN,
    CreateToken = "create_token": Access::ADMIN,
    ReadToken = "read_token": Access::ADMIN,
    RevokeToken = "revoke_token": Access::ADMIN,
    ListAuditEntries = "list_audit_entries": Access::ADMIN,
    ListServerAuditEntries = "list_server_audit_entries": Access::ServerAdmins,
    // The service itself.
    ReadMetrics = "read_metrics": Access::Everyone,
    Alive = "alive": Access::Everyone,
    Ready = "ready": Access::Everyone,
    ListProblems = "list_problems": Access::Everyone,
    ReadProblem = "read_problem": Access::Everyone,
    ReadOpenapiJson = "read_openapi_json": Access::Everyone,
    ReadOpenapiYaml = "read_openapi_yaml": Access::Everyone,
}
