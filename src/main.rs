//! Plenary: a conference event-management service in one binary. `ARCHITECTURE.md` describes its parts.

mod access;
mod agenda;
mod authorisation;
mod blueprint;
mod check_in;
mod cli;
mod clock;
mod connection_limits;
mod csv_table;
mod database;
mod delegations;
mod docs;
mod expiry;
mod health;
mod http;
mod ids;
mod invitations;
mod mail;
mod messaging;
mod programme;
mod qr;
mod registrar;
mod registration;
mod routes;
mod self_service;
mod server;
mod settings;
mod site;
mod site_setup;
mod validation;
mod values;

/// mimalloc returns memory to the system after a peak.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crate::{
        access::{
            Role,
            audit::{AuditAction, ResourceKind},
            token::model::TokenSource,
        },
        agenda::document::{
            AppearanceRole, CallForActionStatus, ItemKind, Listing, OrganisationKind, OrganisationRole, Precedence,
            ProtocolRule, SessionAccess, SessionKind, Visibility,
        },
        check_in::scan_rules::{Outcome, Reason},
        delegations::{DelegationKind, RegionalGroup},
        mail::{LetterKind, MessageState, attempts::AttemptOutcome, block_list::BlockReason},
        programme::{
            documents::{Coding, Publication},
            release::ScheduledState,
        },
        registration::{
            broadcast::{BroadcastKind, BroadcastState},
            duplicate_check::{DuplicateReason, DuplicateState},
            model::{ConsentGiven, Event, RegistrationStatus},
            reservations::InvitationKind,
            session_seats::SignUpState,
        },
    };

    type Texts = BTreeSet<String>;

    /// Table, column and the texts of its enum.
    type Column = (&'static str, &'static str, &'static [&'static str]);

    /// The columns that a CHECK constraint limits to a list of texts.
    const CHECKED: [Column; 32] = [
        ("appearances", "role", AppearanceRole::TEXTS),
        ("calls_for_action", "status", CallForActionStatus::TEXTS),
        ("check_ins", "outcome", Outcome::TEXTS),
        ("check_ins", "reason", Reason::TEXTS),
        ("conference_organisations", "role", OrganisationRole::TEXTS),
        ("conferences", "listing", Listing::TEXTS),
        ("delegation_members", "level", Precedence::TEXTS),
        ("delegations", "kind", DelegationKind::TEXTS),
        ("invitations", "kind", InvitationKind::TEXTS),
        ("items", "kind", ItemKind::TEXTS),
        ("items", "visibility", Visibility::TEXTS),
        ("mail_attempts", "outcome", AttemptOutcome::TEXTS),
        ("mail_blocks", "reason", BlockReason::TEXTS),
        ("mail_broadcasts", "state", BroadcastState::TEXTS),
        ("organisations", "kind", OrganisationKind::TEXTS),
        ("outbox_messages", "state", MessageState::TEXTS),
        ("possible_duplicates", "reason", DuplicateReason::TEXTS),
        ("possible_duplicates", "state", DuplicateState::TEXTS),
        ("registration_events", "event", Event::TEXTS),
        ("registrations", "state", RegistrationStatus::TEXTS),
        ("registrations", "consent_given", ConsentGiven::TEXTS),
        ("representations", "coding", Coding::TEXTS),
        ("scheduled_releases", "state", ScheduledState::TEXTS),
        ("session_sign_ups", "state", SignUpState::TEXTS),
        ("sessions", "access", SessionAccess::TEXTS),
        ("sessions", "kind", SessionKind::TEXTS),
        ("sessions", "protocol_rule", ProtocolRule::TEXTS),
        ("sessions", "visibility", Visibility::TEXTS),
        ("speakers", "precedence", Precedence::TEXTS),
        ("speakers", "visibility", Visibility::TEXTS),
        ("tokens", "role", Role::TEXTS),
        ("tokens", "source", TokenSource::TEXTS),
    ];

    /// The columns whose texts no constraint limits.
    const UNCHECKED: [Column; 8] = [
        ("audit_entries", "action", AuditAction::TEXTS),
        ("audit_entries", "resource", ResourceKind::TEXTS),
        ("delegations", "regional_group", RegionalGroup::TEXTS),
        ("mail_broadcasts", "kind", BroadcastKind::TEXTS),
        ("mail_templates", "kind", LetterKind::TEXTS),
        ("outbox_messages", "kind", LetterKind::TEXTS),
        ("registration_events", "state", RegistrationStatus::TEXTS),
        ("representations", "publication", Publication::TEXTS),
    ];

    /// The column and the texts of `<column> IN ('<text>', ...)`, if the text begins with that.
    fn list(text: &str) -> Option<(&str, Texts)> {
        let (column, rest) = text.split_once(" IN (")?;
        let texts = rest.split(')').next()?.split(", ").map(|text| text.trim_matches('\'').to_owned());
        column.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| (column, texts.collect()))
    }

    /// The lists of a tree's CHECK constraints by name, with their columns: of two with one name, the later one.
    fn lists(tree: &str) -> BTreeMap<String, (String, Texts)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(tree);
        let steps: BTreeSet<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let mut found = BTreeMap::new();
        for step in steps {
            let text = std::fs::read_to_string(step.join("up.sql")).unwrap();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
            let text = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
            let mut parts = text.split("CONSTRAINT ");
            let mut before = parts.next().unwrap();
            let mut named = 0;
            for part in parts {
                let name = part.split([' ', ';', ',']).next().unwrap();
                let check = part.strip_prefix(name).and_then(|rest| rest.strip_prefix(" CHECK ("));
                if before.ends_with("DROP ") {
                    found.remove(name);
                } else if let Some((column, texts)) = check.and_then(list) {
                    named += 1;
                    found.insert(name.to_owned(), (column.to_owned(), texts));
                }
                before = part;
            }
            let all = text.split("CHECK (").skip(1).filter_map(list).count();
            assert_eq!(all, named, "{}: every CHECK has a name", step.display());
        }
        found
    }

    #[test]
    fn each_list_of_texts_in_the_schema_has_one_enum_with_the_same_texts() {
        let expected: BTreeMap<_, _> = CHECKED
            .iter()
            .map(|(table, column, texts)| {
                let texts: Texts = texts.iter().map(|text| (*text).to_owned()).collect();
                (format!("{table}_{column}_check"), ((*column).to_owned(), texts))
            })
            .collect();
        assert_eq!(expected.len(), CHECKED.len(), "no column is named twice");
        for tree in ["sqlite", "postgres"] {
            let lists = lists(tree);
            for (name, list) in &lists {
                assert_eq!(expected.get(name), Some(list), "{tree}: {name}");
            }
            assert!(expected.keys().eq(lists.keys()), "{tree}");
        }
    }

    #[test]
    fn each_column_with_an_enum_is_declared_as_one() {
        let expected: BTreeSet<_> =
            CHECKED.iter().chain(&UNCHECKED).map(|(table, column, _)| format!("{table}.{column}")).collect();
        let mut declared = BTreeSet::new();
        let mut table = "";
        for line in include_str!("database/schema.rs").lines() {
            match line.trim().split_once(" -> ") {
                Some((column, "TextEnum," | "Nullable<TextEnum>,")) => _ = declared.insert(format!("{table}.{column}")),
                Some(_) => {}
                None if line.ends_with(") {") => table = line.trim().split(' ').next().unwrap(),
                None => {}
            }
        }
        assert_eq!(declared, expected);
    }
}
