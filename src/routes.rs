//! The one table of routes, and the API document that is made of it.

use std::{collections::BTreeMap, sync::OnceLock};

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, HttpMethod,
        extensions::ExtensionsBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_actix_web::{AppExt as _, service_config::ServiceConfig};

use crate::{
    access::{
        self,
        policy::{Allowed, allowed},
    },
    agenda, blueprint,
    docs::{self, Documentation},
    health,
    http::{ProblemKind, problem},
    programme, registration,
};

/// Every operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(health::alive)
        .service(health::ready)
        .service(docs::read_openapi_json)
        .service(docs::read_openapi_yaml)
        .service(docs::list_problems)
        .service(docs::read_problem)
        .service(programme::api::list_conferences)
        .service(programme::api::read_conference)
        .service(blueprint::api::create_conference)
        .service(blueprint::api::copy_conference)
        .service(blueprint::api::delete_conference)
        .service(blueprint::api::read_blueprint)
        .service(blueprint::api::apply_blueprint)
        .service(agenda::api::read_agenda)
        .service(agenda::api::apply_agenda)
        .service(agenda::checks::api::list_conflicts)
        .service(agenda::checks::api::read_completeness)
        .service(agenda::checks::api::read_protocol_order)
        .service(agenda::checks::api::set_protocol_order)
        .service(agenda::import::api::import_agenda)
        .service(agenda::arrange::api::reorder_agenda_organisations)
        .service(agenda::arrange::api::reorder_agenda_rooms)
        .service(agenda::arrange::api::reorder_agenda_tracks)
        .service(agenda::arrange::api::reorder_agenda_speakers)
        .service(agenda::arrange::api::reorder_agenda_sessions)
        .service(agenda::arrange::api::reorder_agenda_items)
        .service(agenda::arrange::api::move_agenda_session)
        .service(agenda::arrange::api::duplicate_agenda_session)
        .service(agenda::arrange::api::move_agenda_item)
        .service(agenda::arrange::api::substitute_agenda_speaker)
        .service(agenda::edit::api::read_agenda_conference)
        .service(agenda::edit::api::put_agenda_conference)
        .service(agenda::edit::api::patch_agenda_conference)
        .service(agenda::edit::api::read_agenda_call_for_action)
        .service(agenda::edit::api::put_agenda_call_for_action)
        .service(agenda::edit::api::patch_agenda_call_for_action)
        .service(agenda::edit::api::delete_agenda_call_for_action)
        .service(agenda::edit::api::list_agenda_organisations)
        .service(agenda::edit::api::create_agenda_organisation)
        .service(agenda::edit::api::read_agenda_organisation)
        .service(agenda::edit::api::put_agenda_organisation)
        .service(agenda::edit::api::patch_agenda_organisation)
        .service(agenda::edit::api::delete_agenda_organisation)
        .service(agenda::edit::api::list_agenda_days)
        .service(agenda::edit::api::create_agenda_day)
        .service(agenda::edit::api::read_agenda_day)
        .service(agenda::edit::api::put_agenda_day)
        .service(agenda::edit::api::patch_agenda_day)
        .service(agenda::edit::api::delete_agenda_day)
        .service(agenda::edit::api::list_agenda_rooms)
        .service(agenda::edit::api::create_agenda_room)
        .service(agenda::edit::api::read_agenda_room)
        .service(agenda::edit::api::put_agenda_room)
        .service(agenda::edit::api::patch_agenda_room)
        .service(agenda::edit::api::delete_agenda_room)
        .service(agenda::edit::api::list_agenda_tracks)
        .service(agenda::edit::api::create_agenda_track)
        .service(agenda::edit::api::read_agenda_track)
        .service(agenda::edit::api::put_agenda_track)
        .service(agenda::edit::api::patch_agenda_track)
        .service(agenda::edit::api::delete_agenda_track)
        .service(agenda::edit::api::list_agenda_speakers)
        .service(agenda::edit::api::create_agenda_speaker)
        .service(agenda::edit::api::read_agenda_speaker)
        .service(agenda::edit::api::put_agenda_speaker)
        .service(agenda::edit::api::patch_agenda_speaker)
        .service(agenda::edit::api::delete_agenda_speaker)
        .service(agenda::edit::api::list_agenda_sessions)
        .service(agenda::edit::api::create_agenda_session)
        .service(agenda::edit::api::read_agenda_session)
        .service(agenda::edit::api::put_agenda_session)
        .service(agenda::edit::api::patch_agenda_session)
        .service(agenda::edit::api::delete_agenda_session)
        .service(agenda::edit::api::list_agenda_items)
        .service(agenda::edit::api::create_agenda_item)
        .service(agenda::edit::api::read_agenda_item)
        .service(agenda::edit::api::put_agenda_item)
        .service(agenda::edit::api::patch_agenda_item)
        .service(agenda::edit::api::delete_agenda_item)
        .service(programme::redaction::api::redact_speaker)
        .service(programme::release::api::list_agenda_releases)
        .service(programme::release::api::cancel_scheduled_release)
        .service(programme::preview::api::create_preview)
        .service(programme::preview::api::delete_previews)
        .service(programme::preview::api::read_preview)
        .service(programme::release::api::publish_release)
        .service(programme::release::api::list_releases)
        .service(programme::release::api::read_release)
        .service(programme::release::api::read_release_changes)
        .service(programme::release::api::restore_release)
        .service(programme::api::read_programme)
        .service(programme::api::list_programme_days)
        .service(programme::api::read_programme_day)
        .service(programme::api::list_programme_sessions)
        .service(programme::api::read_programme_session)
        .service(programme::api::list_programme_panels)
        .service(programme::api::list_programme_keynotes)
        .service(programme::api::list_programme_speakers)
        .service(programme::api::read_programme_speaker)
        .service(programme::api::read_high_level_session)
        .service(programme::api::list_programme_rooms)
        .service(programme::api::list_programme_tracks)
        .service(programme::api::read_call_for_action)
        .service(registration::api::read_registration_form)
        .service(registration::api::register)
        .service(registration::api::read_registration)
        .service(registration::api::read_attendee_programme)
        .service(registration::api::cancel_registration)
        .service(access::audit::api::list_audit_entries)
        .service(access::audit::api::list_server_audit_entries)
        .service(access::token::api::list_tokens)
        .service(access::token::api::create_token)
        .service(access::token::api::read_token)
        .service(access::token::api::revoke_token);
}

/// Every kind of problem that the service answers.
fn problem_kinds() -> &'static [&'static ProblemKind] {
    static KINDS: OnceLock<Vec<&'static ProblemKind>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let of_features = [
            access::error::PROBLEMS,
            agenda::error::PROBLEMS,
            programme::error::PROBLEMS,
            registration::error::PROBLEMS,
        ];
        [problem::PROBLEMS].into_iter().chain(of_features).flatten().copied().collect()
    })
}

/// What the documentation is made of.
pub fn documentation() -> Documentation {
    Documentation { document: document(), problems: problem_kinds() }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Plenary", license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")),
    // Types that stand in parameters alone are not found by themselves.
    components(schemas(
        problem::ProblemDocument,
        programme::filter::ReleaseNumber,
        crate::values::Switch,
        agenda::import::ImportMode
    )),
    modifiers(&Details),
    tags(
        (name = "programme", description = "What the public reads: the latest release"),
        (name = "registration", description = "Registering, and one's own registration"),
        (name = "agenda", description = "What organisers edit: the draft"),
        (name = "blueprint", description = "A whole conference as one document"),
        (name = "access", description = "Tokens, and who changed what"),
        (name = "service", description = "The service itself")
    )
)]
struct Api;

struct Details;

impl Modify for Details {
    fn modify(&self, document: &mut openapi::OpenApi) {
        document.info.version = env!("CARGO_PKG_VERSION").to_owned();
        let mut problems = String::from(
            "Every error is a problem document (RFC 9457) of one of these types:\n\n| type | status | means |\n|---|---|---|\n",
        );
        for kind in problem_kinds() {
            problems.push_str(&format!("| `/problems/{}` | {} | {} |\n", kind.slug, kind.status, kind.title));
        }
        document.info.description =
            Some(format!("A conference: its agenda, its programme, its registrations.\n\n{problems}"));
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A token with a role, or the token of an attendee's link"))
                .build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
            let link = ApiKeyValue::with_description("token", "The token of an attendee's link");
            components.add_security_scheme("link", SecurityScheme::ApiKey(ApiKey::Query(link)));
        }
    }
}

/// The API document.
fn document() -> &'static openapi::OpenApi {
    static DOCUMENT: OnceLock<openapi::OpenApi> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let app = actix_web::App::new().into_utoipa_app().openapi(Api::openapi()).configure(configure);
        let mut document = app.split_for_parts().1;
        for item in document.paths.paths.values_mut() {
            operations(item).into_iter().for_each(bind_to_policy);
        }
        document
    })
}

fn operations(item: &mut openapi::PathItem) -> Vec<&mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    all.into_iter().filter_map(Option::as_mut).collect()
}

/// Says in the document what the policy says: who may call an operation (`x-roles`), and what they show for it.
fn bind_to_policy(operation: &mut Operation) {
    let allowed = allowed(operation.operation_id.as_deref().unwrap_or_default());
    let roles = ExtensionsBuilder::new().add("x-roles", allowed.words()).build();
    operation.extensions.get_or_insert_default().merge(roles);
    let needs = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    match allowed {
        // For everyone; or, where the handler says so, for whoever has a link that is judged by itself.
        Allowed::Everyone => {}
        Allowed::ServerAdmins | Allowed::Roles(_) => operation.security = Some(vec![needs("bearer")]),
        Allowed::OwnOrRoles(_) => operation.security = Some(vec![needs("bearer"), needs("link")]),
    }
}

/// The methods that a path allows; none for a path that is no route.
pub fn allowed_methods(path: &str) -> Vec<&'static str> {
    static TABLE: OnceLock<BTreeMap<String, Vec<&'static str>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        document().paths.paths.iter().map(|(template, item)| (template.clone(), methods(item))).collect()
    });
    let matches = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let mut found: Vec<_> =
        table.iter().filter(|(template, _)| matches(template)).flat_map(|(_, methods)| methods.clone()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn methods(item: &openapi::PathItem) -> Vec<&'static str> {
    let of = |method: HttpMethod| match method {
        HttpMethod::Get => item.get.is_some().then_some(vec!["GET", "HEAD"]),
        HttpMethod::Put => item.put.is_some().then_some(vec!["PUT"]),
        HttpMethod::Post => item.post.is_some().then_some(vec!["POST"]),
        HttpMethod::Delete => item.delete.is_some().then_some(vec!["DELETE"]),
        HttpMethod::Patch => item.patch.is_some().then_some(vec!["PATCH"]),
        _ => None,
    };
    use HttpMethod::{Delete, Get, Patch, Post, Put};
    [Get, Put, Post, Delete, Patch].into_iter().filter_map(of).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::access::policy::POLICY;

    #[test]
    fn every_operation_stands_in_the_policy_once_and_nothing_else_does() {
        let items = document().paths.paths.values();
        let operations = items.flat_map(|item| [&item.get, &item.put, &item.post, &item.delete, &item.patch]);
        let documented: Vec<_> =
            operations.flatten().map(|operation| operation.operation_id.clone().unwrap()).collect();
        let of_policy: Vec<_> = POLICY.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(of_policy.iter().collect::<BTreeSet<_>>(), documented.iter().collect());
        assert_eq!(of_policy.len(), documented.len());
    }

    #[test]
    fn every_kind_of_problem_has_a_name_of_its_own() {
        let names: BTreeSet<_> = problem_kinds().iter().map(|kind| kind.slug).collect();
        assert_eq!(names.len(), problem_kinds().len());
    }

    #[test]
    fn a_path_allows_what_its_operations_take() {
        assert_eq!(allowed_methods("/api/v1/conferences/x/blueprint"), ["GET", "HEAD", "PUT"]);
        assert_eq!(allowed_methods("/api/v1/conferences/x/registrations"), ["POST"]);
        assert_eq!(allowed_methods("/nowhere"), Vec::<&str>::new());
    }
}
