//! The table of routes, and the API document that is generated from it. The document defines the path of each
//! operation.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

use actix_web::{
    ResponseError as _, Route,
    dev::{AppService, HttpServiceFactory, ResourceDef},
    guard,
    http::Method,
    middleware::from_fn,
    web,
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, HttpMethod,
        extensions::ExtensionsBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    access::{
        self,
        policy::{self, Access},
    },
    agenda, authorisation, blueprint,
    docs::{self, Documentation},
    health,
    http::{Problem, ProblemKind, problem},
    mail, programme, registration,
};

/// Expands the table into the forms that are needed: the paths of operations, the routes of the service, and the API
/// document.
macro_rules! operations {
    ($($($name:ident)::+,)+) => {
        /// Registers every operation.
        pub fn configure(config: &mut web::ServiceConfig) {
            config$(.service(Endpoint {
                path_and_method: path_type!(path_and_method of $($name)::+),
                route: authorised(operation_name!($($name)::+), web::to($($name)::+)),
            }))+;
        }

        fn paths_and_methods() -> Vec<(String, Method)> {
            vec![$(path_type!(path_and_method of $($name)::+)),+]
        }

        #[derive(OpenApi)]
        #[openapi(paths($($($name)::+),+))]
        struct Operations;
    };
}

/// The last segment of a handler's path: the operation's id.
macro_rules! operation_name {
    ($name:ident) => { stringify!($name) };
    ($module:ident :: $($name:ident)::+) => { operation_name!($($name)::+) };
}

/// A route behind the check of who may call it. An operation that the policy does not name is for nobody: a test
/// compares the two.
fn authorised(name: &str, route: Route) -> Route {
    match policy::Operation::from_text(name) {
        Some(operation) => {
            route.wrap(from_fn(move |request, next| authorisation::authorise_request(operation, request, next)))
        }
        None => web::to(async || Problem::new(&problem::NOT_FOUND).error_response()),
    }
}

/// Calls a function with the type that `#[utoipa::path]` generates for a function: its name with the prefix `__path_`.
macro_rules! path_type {
    ($call:ident of $($name:ident)::+) => { path_type!($call [] $($name)::+) };
    ($call:ident [$($module:ident)*] $next:ident :: $($name:ident)::+) => {
        path_type!($call [$($module)* $next] $($name)::+)
    };
    ($call:ident [$($module:ident)*] $function:ident) => {
        pastey::paste! { $call::<$($module::)*[<__path_ $function>]>() }
    };
}

fn path_and_method<P: utoipa::Path>() -> (String, Method) {
    let method = match P::methods().first() {
        Some(HttpMethod::Put) => Method::PUT,
        Some(HttpMethod::Post) => Method::POST,
        Some(HttpMethod::Delete) => Method::DELETE,
        Some(HttpMethod::Patch) => Method::PATCH,
        _ => Method::GET,
    };
    (P::path(), method)
}

/// An operation, as one worker serves it.
struct Endpoint {
    path_and_method: (String, Method),
    route: Route,
}

impl HttpServiceFactory for Endpoint {
    fn register(self, config: &mut AppService) {
        let (path, method) = self.path_and_method;
        let has_method = guard::fn_guard(move |request| request.head().method == method);
        if let Some((pattern, _)) = PATHS.get(&path) {
            config.register_service(pattern.clone(), Some(vec![Box::new(has_method)]), self.route, None);
        }
    }
}

/// The pattern and the methods of each path. A pattern is compiled once, for all workers and methods: actix-web's own
/// `#[get]` compiles it for each, and that was half of what an idle service allocated.
static PATHS: LazyLock<BTreeMap<String, (ResourceDef, Vec<Method>)>> = LazyLock::new(|| {
    let mut paths: BTreeMap<_, (_, Vec<_>)> = BTreeMap::new();
    for (path, method) in paths_and_methods() {
        let (_, methods) = paths.entry(path).or_insert_with_key(|path| (ResourceDef::new(path.as_str()), Vec::new()));
        methods.push(method);
    }
    paths
});

// Routes are tried one after the other: those that are read most come first.
operations! {
    programme::api::list_conferences,
    programme::api::read_conference,
    crate::programme::format_api::read_schedule_xml,
    crate::programme::format_api::read_schedule_json,
    crate::programme::format_api::read_programme_calendar,
    crate::programme::format_api::read_programme_jsonld,
    crate::programme::format_api::read_session_table,
    crate::programme::format_api::read_release_feed,
    crate::programme::format_api::read_session_calendar,
    crate::programme::format_api::read_speaker_calendar,
    programme::api::read_programme,
    programme::now::api::read_programme_now,
    programme::live::api::listen_to_programme,
    programme::api::list_programme_days,
    programme::api::read_programme_day,
    programme::api::list_programme_sessions,
    programme::api::read_programme_session,
    programme::api::list_programme_panels,
    programme::api::list_programme_keynotes,
    programme::api::list_programme_speakers,
    programme::api::read_programme_speaker,
    programme::api::read_high_level_session,
    programme::api::list_programme_rooms,
    programme::api::list_programme_tracks,
    programme::api::read_call_for_action,
    health::alive,
    health::ready,
    docs::read_openapi_json,
    docs::read_openapi_yaml,
    docs::list_problems,
    docs::read_problem,
    blueprint::api::create_conference,
    blueprint::api::copy_conference,
    blueprint::api::delete_conference,
    blueprint::api::read_blueprint,
    blueprint::api::apply_blueprint,
    agenda::api::read_agenda,
    blueprint::conference_api::apply_agenda,
    crate::agenda::checks_api::list_conflicts,
    crate::agenda::checks_api::read_completeness,
    crate::agenda::checks_api::read_protocol_order,
    crate::agenda::checks_api::set_protocol_order,
    agenda::import::api::import_agenda,
    agenda::arrange::api::reorder_agenda_organisations,
    agenda::arrange::api::reorder_agenda_rooms,
    agenda::arrange::api::reorder_agenda_tracks,
    agenda::arrange::api::reorder_agenda_speakers,
    agenda::arrange::api::reorder_agenda_sessions,
    agenda::arrange::api::reorder_agenda_items,
    agenda::arrange::api::move_agenda_session,
    agenda::arrange::api::duplicate_agenda_session,
    agenda::arrange::api::move_agenda_item,
    agenda::arrange::api::substitute_agenda_speaker,
    agenda::edit::api::read_agenda_conference,
    blueprint::conference_api::put_agenda_conference,
    blueprint::conference_api::patch_agenda_conference,
    agenda::edit::api::read_agenda_call_for_action,
    agenda::edit::api::put_agenda_call_for_action,
    agenda::edit::api::patch_agenda_call_for_action,
    agenda::edit::api::delete_agenda_call_for_action,
    agenda::edit::api::list_agenda_organisations,
    agenda::edit::api::create_agenda_organisation,
    agenda::edit::api::read_agenda_organisation,
    agenda::edit::api::put_agenda_organisation,
    agenda::edit::api::patch_agenda_organisation,
    agenda::edit::api::delete_agenda_organisation,
    agenda::edit::api::list_agenda_days,
    agenda::edit::api::create_agenda_day,
    agenda::edit::api::read_agenda_day,
    agenda::edit::api::put_agenda_day,
    agenda::edit::api::patch_agenda_day,
    agenda::edit::api::delete_agenda_day,
    agenda::edit::api::list_agenda_rooms,
    agenda::edit::api::create_agenda_room,
    agenda::edit::api::read_agenda_room,
    agenda::edit::api::put_agenda_room,
    agenda::edit::api::patch_agenda_room,
    agenda::edit::api::delete_agenda_room,
    agenda::edit::api::list_agenda_tracks,
    agenda::edit::api::create_agenda_track,
    agenda::edit::api::read_agenda_track,
    agenda::edit::api::put_agenda_track,
    agenda::edit::api::patch_agenda_track,
    agenda::edit::api::delete_agenda_track,
    agenda::edit::api::list_agenda_speakers,
    agenda::edit::api::create_agenda_speaker,
    agenda::edit::api::read_agenda_speaker,
    agenda::edit::api::put_agenda_speaker,
    agenda::edit::api::patch_agenda_speaker,
    agenda::edit::api::delete_agenda_speaker,
    agenda::edit::api::list_agenda_sessions,
    agenda::edit::api::create_agenda_session,
    agenda::edit::api::read_agenda_session,
    agenda::edit::api::put_agenda_session,
    agenda::edit::api::patch_agenda_session,
    agenda::edit::api::delete_agenda_session,
    agenda::edit::api::list_agenda_items,
    agenda::edit::api::create_agenda_item,
    agenda::edit::api::read_agenda_item,
    agenda::edit::api::put_agenda_item,
    agenda::edit::api::patch_agenda_item,
    agenda::edit::api::delete_agenda_item,
    programme::redaction::api::redact_speaker,
    programme::redaction::api::read_redaction,
    crate::programme::releases::api::list_agenda_releases,
    crate::programme::releases::api::cancel_scheduled_release,
    programme::preview::api::create_preview,
    programme::preview::api::delete_previews,
    programme::preview::api::read_preview,
    crate::programme::releases::api::publish_release,
    crate::programme::releases::api::list_releases,
    crate::programme::releases::api::read_release,
    crate::programme::releases::api::read_release_changes,
    crate::programme::releases::api::restore_release,
    crate::site_setup::api::read_site,
    crate::site_setup::api::put_site,
    crate::site_setup::api::patch_site,
    crate::registration::form_api::read_registration_form,
    crate::registration::form_api::read_registration_schema,
    registration::api::register,
    registration::api::read_registration,
    registration::api::read_attendee_programme,
    registration::api::cancel_registration,
    registration::api::verify_registration,
    registration::api::accept_registration,
    registration::api::promote_registration,
    registration::api::choose_sessions,
    registration::api::resend_registration_link,
    registration::api::renew_registration_link,
    registration::setup::api::read_registration_setup,
    registration::setup::api::put_registration_setup,
    registration::setup::api::patch_registration_setup,
    // Decisions and notes.
    crate::registrar::decisions::api::approve_registrations,
    crate::registrar::decisions::api::reject_registrations,
    crate::registrar::decisions::api::revoke_registrations,
    crate::registrar::decisions::api::cancel_registrations,
    crate::registrar::decisions::api::create_registration_note,
    crate::registrar::decisions::api::list_registration_notes,
    crate::registrar::decisions::api::list_decisions,
    // One's own registration.
    crate::self_service::api::change_registration,
    crate::self_service::api::read_registration_data,
    crate::self_service::calendar_api::read_registration_calendar,
    crate::self_service::api::request_registration_link,
    // Lists, exports, statistics.
    crate::registrar::lists::api::list_registrations,
    crate::registrar::lists::api::export_registrations_csv,
    crate::registrar::lists::api::export_registrations_xlsx,
    crate::registrar::statistics::api::read_statistics,
    // Invitations.
    crate::invitations::api::create_invitation,
    crate::invitations::api::create_invitations,
    crate::invitations::api::list_invitations,
    crate::invitations::api::read_invitation,
    crate::invitations::api::revoke_invitation,
    crate::invitations::api::resend_invitation,
    // Delegations.
    crate::delegations::api::list_member_states,
    crate::delegations::api::list_delegations,
    crate::delegations::api::create_delegation,
    crate::delegations::api::create_member_state_delegations,
    crate::delegations::api::read_delegation,
    crate::delegations::api::patch_delegation,
    crate::delegations::api::delete_delegation,
    crate::delegations::api::invite_focal_point,
    crate::delegations::members::api::add_delegation_member,
    crate::delegations::members::api::import_delegation_members,
    crate::delegations::members::api::patch_delegation_member,
    crate::delegations::members::api::remove_delegation_member,
    crate::delegations::members::api::replace_delegation_member,
    // Check-in and badges.
    crate::check_in::api::check_in,
    crate::check_in::api::list_check_ins,
    crate::check_in::api::read_check_in_roster,
    crate::check_in::api::undo_check_in,
    crate::check_in::api::read_check_in_key,
    crate::check_in::badges::api::read_badge,
    crate::check_in::badges::api::read_badge_code,
    crate::check_in::badges::api::print_badges,
    crate::check_in::badges::api::check_badges,
    // Import and duplicates.
    crate::registrar::import::api::import_registrations,
    crate::registrar::on_behalf::api::register_on_behalf,
    crate::registrar::duplicates::api::list_duplicates,
    crate::registrar::duplicates::api::dismiss_duplicate,
    crate::registrar::duplicates::api::merge_duplicate,
    // Mail.
    crate::messaging::messages::api::list_mail_messages,
    crate::messaging::messages::api::read_mail_message,
    crate::messaging::messages::api::retry_mail_message,
    crate::messaging::messages::api::cancel_mail_message,
    crate::messaging::messages::api::note_mail_bounce,
    crate::messaging::messages::api::list_mail_blocks,
    crate::messaging::messages::api::delete_mail_block,
    crate::messaging::templates::api::list_mail_templates,
    crate::messaging::templates::api::put_mail_template,
    crate::messaging::templates::api::delete_mail_template,
    crate::messaging::templates::api::preview_mail_template,
    crate::messaging::broadcasts::api::create_mail_broadcast,
    crate::messaging::broadcasts::api::list_mail_broadcasts,
    crate::messaging::broadcasts::api::read_mail_broadcast,
    crate::messaging::broadcasts::api::count_mail_recipients,
    crate::messaging::broadcasts::api::preview_mail_broadcast,
    crate::messaging::broadcasts::api::test_mail_broadcast,
    crate::messaging::broadcasts::api::send_mail_broadcast,
    crate::messaging::broadcasts::api::stop_mail_broadcast,
    crate::messaging::broadcasts::api::resume_mail_broadcast,
    crate::messaging::broadcasts::api::delete_mail_broadcast,
    crate::messaging::preferences::api::read_mail_preferences,
    crate::messaging::preferences::api::set_mail_preferences,
    mail::api::read_metrics,
    access::audit::api::list_audit_entries,
    access::audit::api::list_server_audit_entries,
    access::token::api::list_tokens,
    access::token::api::create_token,
    access::token::api::read_token,
    access::token::api::revoke_token,
}

/// Every kind of problem that the service answers.
fn problem_kinds() -> &'static [&'static ProblemKind] {
    static KINDS: OnceLock<Vec<&'static ProblemKind>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let feature_kinds = [
            access::error::PROBLEMS,
            agenda::error::PROBLEMS,
            programme::error::PROBLEMS,
            registration::error::PROBLEMS,
            crate::invitations::error::PROBLEMS,
            crate::delegations::error::PROBLEMS,
            crate::check_in::error::PROBLEMS,
            crate::registrar::duplicates::error::PROBLEMS,
            crate::messaging::error::PROBLEMS,
            blueprint::error::PROBLEMS,
        ];
        [problem::PROBLEMS].into_iter().chain(feature_kinds).flatten().copied().collect()
    })
}

/// The input of the documentation.
pub fn documentation() -> Documentation {
    Documentation { document, problems: problem_kinds() }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Plenary", license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")),
    // Types that only parameters use are not found automatically.
    components(schemas(
        problem::ProblemDocument,
        programme::filter::ReleaseNumber,
        crate::values::Switch,
        blueprint::time_zone::KeepTimes,
        agenda::import::ImportMode,
        crate::registrar::import::ExistingRowPolicy,
        crate::registrar::import::ImportedStatus,
        crate::delegations::list_query::DelegationOrder,
        crate::registrar::lists::Sort,
        mail::MessageState,
        mail::LetterKind
    )),
    modifiers(&Details),
    tags(
        (name = "programme", description = "The public programme: the latest release"),
        (name = "registration", description = "Registration, and attendees' access to their own registration"),
        (name = "check-in", description = "Badges and check-in"),
        (name = "mail", description = "Messages, templates and broadcasts"),
        (name = "agenda", description = "The draft that organisers edit"),
        (name = "site", description = "What the pages of a conference say besides its programme"),
        (name = "blueprint", description = "A whole conference as one document"),
        (name = "access", description = "Tokens and the audit trail"),
        (name = "service", description = "Health, metrics and documentation of the service")
    )
)]
struct Api;

struct Details;

impl Modify for Details {
    fn modify(&self, document: &mut openapi::OpenApi) {
        document.info.version = env!("CARGO_PKG_VERSION").to_owned();
        let mut problems = String::from(
            "Every error is a problem document (RFC 9457) of one of these types:\n\n| type | status | meaning |\n|---|---|---|\n",
        );
        for kind in problem_kinds() {
            problems.push_str(&format!("| `/problems/{}` | {} | {} |\n", kind.slug, kind.status, kind.title));
        }
        document.info.description = Some(format!("Agenda, programme and registrations of conferences.\n\n{problems}"));
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A token with a role, or the token of a personal link"))
                .build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
            let link = ApiKeyValue::with_description("token", "The token of a personal link");
            components.add_security_scheme("link", SecurityScheme::ApiKey(ApiKey::Query(link)));
        }
    }
}

/// Builds the API document, whose structure needs ten times as much memory as its text.
fn document() -> openapi::OpenApi {
    let mut document = Api::openapi();
    document.merge(Operations::openapi());
    for item in document.paths.paths.values_mut() {
        operations(item).into_iter().for_each(bind_to_policy);
    }
    document
}

fn operations(item: &mut openapi::PathItem) -> Vec<&mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    all.into_iter().filter_map(Option::as_mut).collect()
}

/// Adds the policy to the document: who may call an operation (`x-roles`), and with which credentials.
fn bind_to_policy(operation: &mut Operation) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let access = policy::Operation::from_text(id).map_or(Access::ADMIN, policy::Operation::access);
    let roles = ExtensionsBuilder::new().add("x-roles", access.role_names()).build();
    operation.extensions.get_or_insert_default().merge(roles);
    let requirement = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    match access {
        // Public; or, if the handler says so, for holders of a link whose token the handler checks.
        Access::Everyone => {}
        Access::ServerAdmins | Access::Roles(_) => operation.security = Some(vec![requirement("bearer")]),
        Access::OwnOrRoles(_) => operation.security = Some(vec![requirement("bearer"), requirement("link")]),
    }
}

/// The methods that a path allows, in alphabetical order; empty if the path is not a route.
pub fn allowed_methods(path: &str) -> Vec<&'static str> {
    let of_path = PATHS.values().filter(|(pattern, _)| pattern.is_match(path));
    let mut allowed: Vec<_> = of_path.flat_map(|(_, methods)| methods).map(Method::as_str).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    allowed.dedup();
    allowed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::policy;

    #[test]
    fn the_policy_lists_exactly_the_documented_operations() {
        let document = document();
        let items = document.paths.paths.values();
        let operations = items.flat_map(|item| [&item.get, &item.put, &item.post, &item.delete, &item.patch]);
        let documented: Vec<_> =
            operations.flatten().map(|operation| operation.operation_id.clone().unwrap()).collect();
        let of_policy: Vec<_> = policy::Operation::TEXTS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(of_policy.iter().collect::<BTreeSet<_>>(), documented.iter().collect());
        assert_eq!(of_policy.len(), documented.len());
    }

    #[test]
    fn problem_slugs_are_unique() {
        let names: BTreeSet<_> = problem_kinds().iter().map(|kind| kind.slug).collect();
        assert_eq!(names.len(), problem_kinds().len());
    }

    #[test]
    fn a_path_allows_the_methods_of_its_operations() {
        assert_eq!(allowed_methods("/api/v1/conferences/x/blueprint"), ["GET", "HEAD", "PUT"]);
        assert_eq!(allowed_methods("/api/v1/conferences/x/registrations"), ["GET", "HEAD", "POST"]);
        assert_eq!(allowed_methods("/nowhere"), Vec::<&str>::new());
    }
}
