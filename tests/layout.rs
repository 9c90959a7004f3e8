//! The rules of the code that a test can check: who imports whom, where each library is used, how routes are declared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use crate::support::{
    app::repository,
    modules::{Modules, cycles},
};

/// A file of `src`.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// Every file of `src`, without its unit tests.
pub fn sources() -> Vec<Source> {
    fn collect(folder: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
                let path = path.strip_prefix(repository().join("src")).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    let mut found = Vec::new();
    collect(&repository().join("src"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The imports that ARCHITECTURE.md allows: each module of `src` and the modules that it imports.
fn documented_imports() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let (_, rest) = text.split_once("## Who imports whom").unwrap();
    let block = rest.split("```").nth(1).unwrap();
    let lines = block.lines().filter_map(|line| line.split_once('→'));
    let modules = |text: &str| text.split(',').map(|module| module.trim().to_owned()).collect();
    lines.flat_map(|(from, to)| from.split(',').map(move |module| (module.trim().to_owned(), modules(to)))).collect()
}

/// Groups the edges between files by `name`, without those inside a group.
fn group_edges(
    imports: &BTreeMap<String, BTreeSet<String>>,
    name: impl Fn(&str) -> String,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, targets) in imports {
        let from = name(from);
        let others = targets.iter().map(|to| name(to)).filter(|to| *to != from);
        edges.entry(from.clone()).or_default().extend(others.collect::<Vec<_>>());
    }
    edges
}

/// `src`, read once for all tests of a process.
static MODULES: LazyLock<Modules> = LazyLock::new(Modules::read);

/// The module at the top of `src` that a file is in.
fn top_module(file: &str) -> String {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// The folder that a file is in.
fn folder_of(file: &str) -> String {
    file.rsplit_once('/').map_or(file.trim_end_matches(".rs"), |(folder, _)| folder).to_owned()
}

#[test]
fn modules_import_what_the_architecture_draws_and_nothing_else() {
    let mut found = group_edges(&MODULES.imports(), top_module);
    // These may import everything.
    for root in ["main", "cli", "server", "routes"] {
        found.remove(root);
    }
    found.retain(|_, imports| !imports.is_empty());
    assert_eq!(found, documented_imports());
}

#[test]
fn no_files_import_one_another_in_a_circle() {
    assert_eq!(cycles(&MODULES.imports()), BTreeSet::new());
}

#[test]
fn no_modules_import_one_another_in_a_circle() {
    let mut edges = group_edges(&MODULES.imports(), folder_of);
    // A feature may import its own parts and the reverse: the test above forbids cycles between files.
    for (from, targets) in &mut edges {
        targets.retain(|to| !from.starts_with(&format!("{to}/")) && !to.starts_with(&format!("{from}/")));
    }
    assert_eq!(cycles(&edges), BTreeSet::new());
}

#[test]
fn no_module_imports_the_store_of_another_module() {
    for module in MODULES.all() {
        for path in MODULES.absolute_paths(module) {
            let Some(store) = path.iter().position(|part| part == "store") else { continue };
            let owner = path.get(..store).unwrap_or_default();
            assert!(module.is_in(owner), "{} reaches into the rows of {}", module.file, owner.join("::"));
        }
    }
}

#[test]
fn every_file_has_a_header() {
    for module in MODULES.all() {
        assert!(module.source.starts_with("//! "), "{} has no header", module.file);
    }
}

#[test]
fn cycles_are_found_behind_groups_aliases_and_reexports() {
    let files = [
        ("main.rs", "mod a; mod b; mod c;"),
        ("a/mod.rs", "mod inner;\npub use inner::Thing;"),
        ("a/inner.rs", "use crate::{b::{self, Other as Alias}, c};\npub struct Thing;\nfn f() { b::g(); }"),
        ("b.rs", "pub struct Other;\npub fn g() { crate::a::Thing::new(\"crate::c::x\"); } // crate::c::y"),
        ("c.rs", "pub fn h() {}\n#[cfg(test)]\nmod tests { use crate::a::Thing; }"),
    ];
    let imports = Modules::from_texts(&files).imports();
    let imports_of = |file: &str| imports.get(file).cloned().unwrap_or_default().into_iter().collect::<Vec<_>>();
    assert_eq!(imports_of("a/inner.rs"), ["b.rs"]);
    assert_eq!(imports_of("b.rs"), ["a/inner.rs"]);
    assert_eq!(imports_of("c.rs"), [""; 0]);
    let circle: BTreeSet<String> = ["a/inner.rs", "b.rs"].map(str::to_owned).into();
    assert_eq!(cycles(&imports), BTreeSet::from([circle]));
}

/// Whether a text names a library, and not only a module whose name ends like it.
fn names_library(text: &str, library: &str) -> bool {
    let is_whole = |at: usize| !text[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    text.match_indices(library).any(|(at, _)| is_whole(at))
}

#[test]
fn each_library_is_used_only_where_it_belongs() {
    let homes: &[(&str, &[&str])] = &[
        (
            "diesel::",
            &[
                "database/",
                "store.rs",
                "agenda/store/",
                // Files that are named after what they decide.
                "mail/attempts.rs",
                "mail/block_list.rs",
                "mail/erasure.rs",
                "mail/letter_settings.rs",
                "mail/outbox.rs",
                "mail/own_templates.rs",
                "mail/tracking.rs",
                "mail/withdrawal.rs",
                "registrar/lists/row.rs",
                "registration/broadcast.rs",
                "registration/duplicate_check.rs",
                "registration/erasure.rs",
                "registration/membership.rs",
                "registration/reservations.rs",
                "registration/rows.rs",
                "registration/session_seats.rs",
                "registration/setup/state.rs",
            ],
        ),
        (
            "actix_web::",
            &[
                "http/",
                "api.rs",
                "error.rs",
                "access/rate_limit.rs",
                "programme/negotiate.rs",
                "programme/documents/",
                "registration/html_redirect.rs",
                "registration/service.rs",
                "registration/submission.rs",
                "registration/uniform_answer.rs",
                "routes.rs",
                "authorisation.rs",
                "site/",
                "server.rs",
                "health.rs",
                "docs.rs",
                "cli.rs",
            ],
        ),
        ("actix_server::", &["http/listener.rs"]),
        ("actix_http::", &["http/listener.rs"]),
        ("actix_service::", &["http/listener.rs"]),
        ("ipnet::", &["http/client.rs"]),
        ("socket2::", &["http/connection.rs", "http/listener.rs"]),
        ("rlimit::", &["connection_limits.rs"]),
        ("bytes::", &["programme/live/", "programme/documents/release_documents.rs"]),
        ("lettre::", &["mail/"]),
        ("ureq::", &["cli/"]),
        ("saphyr::", &["blueprint/yaml.rs"]),
        ("icalendar::", &["mail/calendar.rs"]),
        ("quick_xml::", &["agenda/import/schedule_xml.rs", "programme/formats/"]),
        ("csv::", &["csv_table/"]),
        ("rust_xlsxwriter::", &["registrar/lists/workbook.rs"]),
        ("tempfile::", &["registrar/lists/workbook.rs"]),
        ("icu_normalizer::", &["agenda/import/text.rs", "check_in/badges/", "values/"]),
        ("deunicode::", &["agenda/import/text.rs", "values/transliteration.rs", "mail/salutation.rs", "site/names.rs"]),
        ("ed25519_dalek::", &["access/badge.rs"]),
        ("qrcode::", &["qr.rs"]),
        ("png::", &["qr.rs"]),
        ("krilla::", &["check_in/badges/"]),
        ("rustybuzz::", &["check_in/badges/"]),
        ("unicode_bidi::", &["check_in/badges/type_setting.rs"]),
        ("unicode_script::", &["values/transliteration.rs", "check_in/badges/"]),
        ("unicode_segmentation::", &["check_in/badges/type_setting.rs"]),
        ("brotli::", &["programme/documents/coding.rs"]),
        ("libdeflater::", &["programme/documents/coding.rs"]),
        ("quick_cache::", &["programme/documents/parts.rs"]),
        ("zstd::", &["programme/documents/coding.rs"]),
        ("minijinja::", &["mail/templates", "site/"]),
        ("pulldown_cmark::", &["site/markdown.rs"]),
        ("fluent_bundle::", &["site/"]),
        ("unic_langid::", &["site/texts.rs"]),
        ("mailparse::", &["mail/bounce.rs"]),
        ("rsa::", &["mail/dkim.rs"]),
        ("hickory_resolver::", &["mail/dkim.rs"]),
    ];
    for source in sources() {
        for (library, homes) in homes {
            let is_at_home = homes.iter().any(|home| source.path.starts_with(home) || source.path.ends_with(home));
            assert!(is_at_home || !names_library(&source.text, library), "{} knows {library}", source.path);
        }
    }
}

#[test]
fn routes_are_declared_beside_their_handlers_and_nowhere_else() {
    for source in sources() {
        for other_way in [".route(", "web::resource(", "web::scope("] {
            assert!(!source.text.contains(other_way), "{} declares a route with {other_way}", source.path);
        }
    }
}

#[test]
fn no_todo_is_left_in_the_code_and_no_line_is_too_long() {
    for source in sources() {
        for marker in ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "TODO", "XXX"] {
            assert!(!source.text.contains(marker), "{} holds {marker}", source.path);
        }
        for (number, line) in source.text.lines().enumerate() {
            // rustfmt does not break long strings.
            let is_short = line.chars().count() <= 120 || (line.contains('"') && line.chars().count() <= 150);
            assert!(is_short, "{}:{} is too long", source.path, number + 1);
        }
    }
}
