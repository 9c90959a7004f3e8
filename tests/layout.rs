//! The house rules that a machine can hold: who imports whom, where each library is known, how routes are declared.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::app::repository;

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

/// The first part of a path: the feature, or the file at the top.
fn feature(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The features that a file names, as `crate::<feature>`, in one import of several or anywhere in its text.
fn named(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && (letter.is_alphanumeric() || letter == '_') {
                    word.push(letter);
                } else {
                    // Only the first segment of each path in the group is a feature.
                    if depth <= 2 && !word.is_empty() && (letter == ':' || letter == ',' || letter == '}') {
                        found.insert(word.clone());
                    }
                    word.clear();
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            let word: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            found.insert(word);
        }
    }
    found
}

/// Each feature and what it may name. What is not here may be named by all: the leaves.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("clock", &[]),
    ("qr", &[]),
    ("faults", &[]),
    ("values", &["faults", "ids"]),
    ("database", &["ids"]),
    ("http", &["clock", "database", "faults", "ids", "values"]),
    ("settings", &["access", "database", "http", "mail"]),
    ("access", &["clock", "database", "faults", "http", "ids", "settings", "values"]),
    ("mail", &["access", "clock", "database", "faults", "http", "ids", "qr", "settings", "values"]),
    ("agenda", &["access", "clock", "database", "faults", "http", "ids", "values"]),
    ("programme", &["access", "agenda", "clock", "database", "faults", "http", "ids", "values"]),
    (
        "registration",
        &["access", "agenda", "clock", "database", "faults", "http", "ids", "mail", "programme", "qr", "values"],
    ),
    ("blueprint", &["access", "agenda", "database", "faults", "http", "mail", "programme", "registration", "values"]),
    (
        "site",
        &[
            "access",
            "agenda",
            "clock",
            "database",
            "faults",
            "http",
            "ids",
            "mail",
            "programme",
            "qr",
            "registration",
            "values",
        ],
    ),
    ("health", &["database", "http"]),
    ("docs", &["http", "programme"]),
    (
        "routes",
        &["access", "agenda", "blueprint", "docs", "health", "http", "mail", "programme", "registration", "values"],
    ),
];

#[test]
fn features_import_one_another_one_way() {
    let modules: BTreeSet<String> = sources().iter().map(|source| feature(&source.path).to_owned()).collect();
    for source in sources() {
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == feature(&source.path)) else {
            assert!(["main", "cli", "server"].contains(&feature(&source.path)), "{} is in no table", source.path);
            continue;
        };
        for name in named(&source.text).intersection(&modules) {
            let own = name == feature(&source.path);
            assert!(own || allowed.contains(&name.as_str()), "{} may not name {name}", source.path);
        }
    }
}

#[test]
fn a_feature_s_rows_are_its_own() {
    for source in sources() {
        for feature in ["access", "agenda", "programme", "registration"] {
            let foreign = !source.path.starts_with(feature) && source.text.contains(&format!("{feature}::store"));
            assert!(!foreign, "{} reaches into the rows of {feature}", source.path);
        }
    }
}

#[test]
fn each_library_is_known_where_it_belongs() {
    let homes: &[(&str, &[&str])] = &[
        ("diesel::", &["database/", "store.rs", "agenda/store/", "mail/outbox.rs", "mail/messages.rs"]),
        (
            "actix_web::",
            &[
                "http/",
                "api.rs",
                "error.rs",
                "access/rate_limit.rs",
                "programme/negotiate.rs",
                "programme/publication/",
                "registration/page.rs",
                "routes.rs",
                "site/",
                "server.rs",
                "health.rs",
                "docs.rs",
                "cli.rs",
            ],
        ),
        ("actix_server::", &["http/server.rs"]),
        ("actix_http::", &["http/server.rs"]),
        ("actix_service::", &["http/server.rs"]),
        ("ipnet::", &["http/client.rs"]),
        ("socket2::", &["http/connection.rs", "http/server.rs"]),
        ("rlimit::", &["server.rs"]),
        ("bytes::", &["programme/live/", "programme/publication/edition.rs"]),
        ("lettre::", &["mail/"]),
        ("ureq::", &["cli/"]),
        ("saphyr::", &["blueprint/yaml.rs"]),
        ("icalendar::", &["mail/calendar.rs"]),
        ("quick_xml::", &["agenda/import/schedule_xml.rs", "programme/formats/"]),
        ("csv::", &["agenda/import/table.rs", "programme/formats/", "registration/lists/table.rs"]),
        ("rust_xlsxwriter::", &["registration/lists/workbook.rs"]),
        ("tempfile::", &["registration/lists/workbook.rs"]),
        ("icu_normalizer::", &["agenda/import/text.rs"]),
        (
            "deunicode::",
            &["agenda/import/text.rs", "registration/model.rs", "registration/check_in/badges/", "site/names.rs"],
        ),
        ("ed25519_dalek::", &["access/badge.rs"]),
        ("qrcode::", &["qr.rs"]),
        ("png::", &["qr.rs"]),
        ("krilla::", &["registration/check_in/badges/"]),
        ("rustybuzz::", &["registration/check_in/badges/type_setting.rs"]),
        ("unicode_bidi::", &["registration/check_in/badges/type_setting.rs"]),
        ("brotli::", &["programme/publication/coding.rs"]),
        ("libdeflater::", &["programme/publication/coding.rs"]),
        ("quick_cache::", &["programme/publication/parts.rs"]),
        ("zstd::", &["programme/publication/coding.rs"]),
        ("minijinja::", &["mail/render.rs", "site/"]),
        ("fluent_bundle::", &["site/"]),
        ("unic_langid::", &["site/texts.rs"]),
        ("mailparse::", &["mail/bounce.rs"]),
        ("rsa::", &["mail/compose.rs"]),
        ("hickory_resolver::", &["mail/trial.rs"]),
    ];
    for source in sources() {
        for (library, homes) in homes {
            let at_home = homes.iter().any(|home| source.path.starts_with(home) || source.path.ends_with(home));
            assert!(at_home || !source.text.contains(library), "{} knows {library}", source.path);
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
fn no_promise_is_left_open_in_the_code() {
    for source in sources() {
        for open in ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "TODO", "XXX"] {
            assert!(!source.text.contains(open), "{} holds {open}", source.path);
        }
        for (number, line) in source.text.lines().enumerate() {
            // What rustfmt does not break: a long text in code.
            let fits = line.chars().count() <= 120 || (line.contains('"') && line.chars().count() <= 150);
            assert!(fits, "{}:{} is too long", source.path, number + 1);
        }
    }
}
