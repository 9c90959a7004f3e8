//! The texts of the pages, in Fluent (<https://projectfluent.org>): `config/site/texts/<locale>/*.ftl`, and the
//! operator's own. A text that a locale lacks is taken from English.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
};

use fluent_bundle::{FluentArgs, FluentError, FluentMessage, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

pub use crate::mail::is_right_to_left;

/// The locale that replaces missing ones.
pub const FALLBACK: &str = "en";

/// The shipped texts: locale and file.
const SHIPPED: &[(&str, &str)] = &[
    ("en", include_str!("../../config/site/texts/en/programme.ftl")),
    ("en", include_str!("../../config/site/texts/en/registration.ftl")),
    ("fr", include_str!("../../config/site/texts/fr/programme.ftl")),
    ("fr", include_str!("../../config/site/texts/fr/registration.ftl")),
    ("nl", include_str!("../../config/site/texts/nl/programme.ftl")),
    ("nl", include_str!("../../config/site/texts/nl/registration.ftl")),
    ("ar", include_str!("../../config/site/texts/ar/programme.ftl")),
    ("ar", include_str!("../../config/site/texts/ar/registration.ftl")),
];

/// The texts of one locale.
#[derive(Clone)]
pub struct Texts {
    /// The locale's own bundle, then the fallback's and all others.
    bundles: Vec<Arc<FluentBundle<FluentResource>>>,
}

/// A file of an operator's own texts.
struct CustomFile {
    locale: String,
    path: String,
    source: String,
}

impl Texts {
    /// The texts of every locale that has some: the shipped ones, replaced by those in `folder`.
    ///
    /// # Errors
    /// A file cannot be read or is not valid Fluent: the error names it.
    pub fn load(folder: Option<&Path>) -> io::Result<BTreeMap<String, Self>> {
        let mut sources: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        let mut custom = Vec::new();
        for (language, source) in SHIPPED {
            let file = (format!("the texts that ship ({language})"), (*source).to_owned());
            sources.entry((*language).to_owned()).or_default().push(file);
        }
        if let Some(folder) = folder.map(|folder| folder.join("texts")).filter(|folder| folder.is_dir()) {
            for language in read_dir(&folder)?.into_iter().filter(|path| path.is_dir()) {
                let tag = language.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                for file in read_dir(&language)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "ftl"))
                {
                    let text = std::fs::read_to_string(&file)?;
                    let file = file.display().to_string();
                    custom.push(CustomFile { locale: tag.clone(), path: file.clone(), source: text.clone() });
                    sources.entry(tag.clone()).or_default().push((file, text));
                }
            }
        }
        let mut bundles = BTreeMap::new();
        for (language, files) in sources {
            let bundle = bundle(&language, files)?;
            bundles.insert(language, Arc::new(bundle));
        }
        // A text that an operator has written in one locale only is used in all.
        let others: Vec<_> = bundles.get(FALLBACK).into_iter().chain(bundles.values()).cloned().collect();
        let texts = bundles.into_iter().map(|(language, bundle)| {
            let bundles = std::iter::once(bundle).chain(others.iter().cloned()).collect();
            (language, Self { bundles })
        });
        let texts = texts.collect();
        if !custom.is_empty() {
            warn_of_unknown_variables(&custom, &texts, &Self::load(None)?);
        }
        Ok(texts)
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The first bundle that has a text of this name, and the text before its arguments are filled in.
    fn find(&self, name: &str) -> Option<(&FluentBundle<FluentResource>, FluentMessage<'_>)> {
        let mut bundles = self.bundles.iter().map(Arc::as_ref);
        bundles.find_map(|bundle| Some((bundle, bundle.get_message(name).filter(|text| text.value().is_some())?)))
    }

    /// The text of this name with its arguments filled in; `None` if there is none.
    pub fn get(&self, name: &str, arguments: &FluentArgs<'_>) -> Option<String> {
        let (text, errors) = self.format(name, arguments)?;
        if !errors.is_empty() {
            tracing::warn!(name, ?errors, "a text of the pages cannot be filled");
        }
        Some(text)
    }

    /// The language in which the text of this name is.
    pub fn language_of(&self, name: &str) -> Option<String> {
        Some(self.find(name)?.0.locales.first()?.to_string())
    }

    /// Fluent's error messages about variables of a text that have no argument.
    fn missing_arguments(&self, name: &str) -> BTreeSet<String> {
        let formatted = self.format(name, &FluentArgs::new());
        formatted.into_iter().flat_map(|(_, errors)| errors).map(|error| error.to_string()).collect()
    }

    /// The text of this name with its arguments filled in, and the errors.
    pub fn format(&self, name: &str, arguments: &FluentArgs<'_>) -> Option<(String, Vec<FluentError>)> {
        let (bundle, text) = self.find(name)?;
        let mut errors = Vec::new();
        let formatted = bundle.format_pattern(text.value()?, Some(arguments), &mut errors);
        Some((formatted.into_owned(), errors))
    }
}

/// The content of a folder, sorted.
pub fn read_dir(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn bundle(language: &str, files: Vec<(String, String)>) -> io::Result<FluentBundle<FluentResource>> {
    let wrong = |name: &str, reason: String| io::Error::other(format!("{name}: {reason}"));
    let tag: LanguageIdentifier = language.parse().map_err(|_| wrong(language, "is no language".to_owned()))?;
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // Directional isolates around arguments are needed in scripts from right to left; elsewhere they would only be
    // copied along unseen.
    bundle.set_use_isolating(is_right_to_left(language));
    for (name, source) in files {
        let resource = FluentResource::try_new(source)
            .map_err(|(_, errors)| wrong(&name, errors.first().map(ToString::to_string).unwrap_or_default()))?;
        bundle.add_resource_overriding(resource);
    }
    Ok(bundle)
}

/// The value of `dir` for a language.
pub fn direction(tag: &str) -> &'static str {
    if is_right_to_left(tag) { "rtl" } else { "ltr" }
}

/// Warns an operator about their own texts with variables that no page provides: the shipped texts use all that there
/// are.
fn warn_of_unknown_variables(
    custom: &[CustomFile],
    texts: &BTreeMap<String, Texts>,
    shipped: &BTreeMap<String, Texts>,
) {
    let Some(english) = shipped.get(FALLBACK) else { return };
    for CustomFile { locale, path, source } in custom {
        let Some(texts) = texts.get(locale) else { continue };
        for name in names(source).filter(|name| english.has(name)) {
            let unknown = texts
                .missing_arguments(name)
                .difference(&english.missing_arguments(name))
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            if !unknown.is_empty() {
                tracing::warn!(file = %path, text = name, open = unknown, "a text of the pages has a place that no page fills");
            }
        }
    }
}

/// The names of the texts in a file.
fn names(source: &str) -> impl Iterator<Item = &str> {
    let names = source.lines().filter_map(|line| line.split_once(" =")).map(|(name, _)| name);
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains(' '))
}

/// The names of the shipped texts in a locale.
#[cfg(test)]
pub fn ids(language: &str) -> Vec<&'static str> {
    let sources = SHIPPED.iter().filter(|(tag, _)| *tag == language);
    let mut ids: Vec<_> = sources.flat_map(|(_, source)| names(source)).collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_text_and_its_own_plural_forms() {
        let english = ids("en");
        assert!(english.len() > 200);
        for language in ["fr", "nl", "ar"] {
            assert_eq!(ids(language), english, "{language}");
        }
        let texts = Texts::load(None).unwrap();
        let count = |language: &str, n: i64| {
            let mut arguments = FluentArgs::new();
            arguments.set("count", n);
            texts[language].get("minutes", &arguments).unwrap()
        };
        assert_eq!((count("en", 1).as_str(), count("en", 5).as_str()), ("one minute", "5 minutes"));
        assert_ne!(count("ar", 2), count("ar", 3).replace('3', "2"), "two has a form of its own");
        assert!(texts["fr"].get("no-such-text", &FluentArgs::new()).is_none());
    }
}
