//! Rendering of pages: the templates of `config/site/templates`, or the operator's own, with the texts of one locale.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior,
    value::{Kwargs, Value},
};

use super::{
    assets::Assets,
    markdown, names,
    texts::{Texts, read_dir},
};
use crate::programme::negotiate::marked;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../config/site/templates/", $name)))),+]
    };
}

const SHIPPED: &[(&str, &str)] = templates! {
    "_form.html", "_macros.html", "_starting.html", "call-for-action.html", "conferences.html", "delegation.html",
    "error.html", "front.html", "information.html", "information-page.html", "layout.html", "link-void.html",
    "mail-preferences.html", "my-programme.html", "notice.html", "programme.html", "register-sent.html",
    "registration-link.html",
    "register.html", "registration-cancel.html", "registration-change.html", "registration-sessions.html",
    "registration.html", "session.html", "speaker.html", "speakers.html", "starting.html",
};

/// Renders pages in one locale.
pub struct Renderer(Environment<'static>);

impl Renderer {
    /// A renderer for each locale that has texts.
    ///
    /// # Errors
    /// One of the operator's templates or texts cannot be read or is wrong.
    pub fn load(folder: Option<&Path>, assets: &Arc<Assets>) -> io::Result<BTreeMap<String, Self>> {
        let mut sources: BTreeMap<String, String> =
            SHIPPED.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
        if let Some(folder) = folder.map(|folder| folder.join("templates")).filter(|folder| folder.is_dir()) {
            for path in read_dir(&folder)?.into_iter().filter(|path| path.is_file()) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                sources.insert(name, std::fs::read_to_string(&path)?);
            }
        }
        let texts = Texts::load(folder)?;
        for (name, source) in &sources {
            check_names(source, &texts, assets).map_err(|what| io::Error::other(format!("{name}: {what}")))?;
        }
        let templates = compile(sources).map_err(io::Error::other)?;
        let renderers = texts.into_iter().map(|(language, texts)| {
            let renderer = Self::new(templates.clone(), &language, texts, Arc::clone(assets));
            (language, renderer)
        });
        Ok(renderers.collect())
    }

    /// Adds the functions and filters of one locale to the compiled templates, which all locales share.
    fn new(mut environment: Environment<'static>, language: &str, texts: Texts, assets: Arc<Assets>) -> Self {
        let all_texts = texts.clone();
        environment.add_function("t", move |state: &State<'_, '_>, name: String, arguments: Kwargs| {
            let unknown = || Error::new(ErrorKind::InvalidOperation, format!("there is no text {name}"));
            let text = all_texts.get(&name, &fluent_arguments(&arguments)?).ok_or_else(unknown)?;
            let page_language = state.lookup("page").and_then(|page| page.get_attr("lang").ok());
            let language = all_texts.language_of(&name).filter(|language| {
                let is_of_page = |page: &str| names::primary(page) == names::primary(language);
                page_language.as_ref().and_then(Value::as_str).is_some_and(|page| !is_of_page(page))
            });
            Ok::<_, Error>(language.map_or_else(|| text.clone(), |language| marked(&text, &language)))
        });
        environment.add_function("t_or", move |name: String, default: Value| {
            texts.get(&name, &FluentArgs::new()).map_or(default, Value::from)
        });
        environment.add_function("asset", move |name: String| {
            assets
                .path(&name)
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("there is no file {name}")))
        });
        let date_filter = |write: fn(chrono::NaiveDate, &str) -> String, language: String| {
            move |text: String| names::date_of(&text).map_or(text, |date| write(date, &language))
        };
        environment.add_filter("long_date", date_filter(names::long_date, language.to_owned()));
        environment.add_filter("short_date", date_filter(names::short_date, language.to_owned()));
        // A time in its own offset, which is the conference's.
        environment.add_filter("clock", |text: String| text.get(11..16).unwrap_or(&text).to_owned());
        let locale = language.to_owned();
        environment.add_filter("moment", move |state: &State<'_, '_>, text: String| {
            let zone = state.lookup("conference").and_then(|conference| conference.get_attr("time_zone").ok());
            let zone = zone.and_then(|zone| zone.as_str().and_then(|name| name.parse().ok()));
            names::date_time(&text, zone, &locale)
        });
        let locale = language.to_owned();
        environment.add_filter("date_span", move |first: String, last: String| {
            let both = names::date_of(&first).zip(names::date_of(&last));
            both.map_or(first, |(first, last)| names::date_span(first, last, &locale))
        });
        let locale = language.to_owned();
        environment.add_filter("country", move |code: String| names::country(&code, &locale));
        let locale = language.to_owned();
        environment.add_filter("language_name", move |tag: String| names::language(&tag, &locale));
        environment.add_filter("paragraphs", |text: String| -> Vec<String> {
            let text = text.replace("\r\n", "\n");
            text.split("\n\n").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        });
        environment.add_filter("markdown", |text: String| Value::from_safe_string(markdown::to_marked_html(&text)));
        Self(environment)
    }

    /// Renders a page.
    ///
    /// # Errors
    /// The template uses a name that does not exist.
    pub fn render(&self, template: &str, context: Value) -> Result<String, Error> {
        self.0.get_template(template)?.render(context)
    }
}

/// Compiles the templates. Clones of the result share them.
fn compile(sources: BTreeMap<String, String>) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => Ok(write_escaped(out, text)?),
        _ => minijinja::escape_formatter(out, state, value),
    });
    for (name, source) in sources {
        environment.add_template_owned(name, source)?;
    }
    Ok(environment)
}

/// Rejects a template that names a text or a file which does not exist, if the name is in quotes.
fn check_names(source: &str, texts: &BTreeMap<String, Texts>, assets: &Assets) -> Result<(), String> {
    let is_text = |name: &str| texts.values().any(|texts| texts.has(name));
    let is_file = |name: &str| assets.path(name).is_some();
    let quoted_names = |call: &str| -> Vec<String> {
        let starts = source.match_indices(call).filter(|(at, _)| {
            // `t("` may also be the end of a longer name.
            !source.get(..*at).unwrap_or_default().ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        });
        let rest = starts.filter_map(|(at, _)| source.get(at + call.len()..)?.split_once('"'));
        // A name followed by `~` is only the beginning of a name.
        rest.filter(|(_, after)| !after.trim_start().starts_with('~')).map(|(name, _)| name.to_owned()).collect()
    };
    if let Some(name) = quoted_names("t(\"").into_iter().find(|name| !is_text(name)) {
        return Err(format!("there is no text {name}"));
    }
    match quoted_names("asset(\"").into_iter().find(|name| !is_file(name)) {
        Some(name) => Err(format!("there is no file {name}")),
        None => Ok(()),
    }
}

/// Escapes a text for HTML, also in a quoted attribute. Slashes stay as they are, so that paths stay readable.
fn write_escaped(out: &mut minijinja::Output<'_>, text: &str) -> std::fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, after) = rest.split_at(at);
        out.write_str(before)?;
        out.write_str(match after.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            _ => "&#39;",
        })?;
        rest = after.get(1..).unwrap_or_default();
    }
    out.write_str(rest)
}

/// The arguments of a text. Numbers stay numbers, because plural forms depend on them.
fn fluent_arguments(kwargs: &Kwargs) -> Result<FluentArgs<'static>, Error> {
    let mut arguments = FluentArgs::new();
    for name in kwargs.args() {
        let value: Value = kwargs.get(name)?;
        let argument = match i64::try_from(value.clone()) {
            Ok(number) if value.is_number() => FluentValue::from(number),
            _ => FluentValue::from(value.to_string()),
        };
        arguments.set(name.to_owned(), argument);
    }
    kwargs.assert_all_used()?;
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::texts::ids;

    /// A place where a template uses a text.
    #[derive(Default)]
    struct Call {
        /// Complete names; beginnings to which something is added; ends of names.
        names: Vec<String>,
        beginnings: Vec<String>,
        ends: Vec<String>,
        /// The arguments that the page gives to the text.
        arguments: Vec<String>,
    }

    impl Call {
        /// Parses what is between the parentheses of `t(...)` or `t_or(...)`.
        fn read(parts: &[String]) -> Self {
            let mut call = Self::default();
            let mut rest = parts[0].as_str();
            while let Some((literal, after)) = rest.split_once('"').and_then(|(_, rest)| rest.split_once('"')) {
                let list = match literal {
                    beginning if beginning.ends_with('-') => &mut call.beginnings,
                    end if end.starts_with('-') => &mut call.ends,
                    _ => &mut call.names,
                };
                list.push(literal.to_owned());
                rest = after;
            }
            let named = parts[1..].iter().filter_map(|part| part.split_once('='));
            call.arguments = named.map(|(name, _)| name.trim().to_owned()).collect();
            call
        }

        fn may_begin_or_end(&self, id: &str) -> bool {
            self.beginnings.iter().any(|beginning| id.starts_with(beginning))
                || self.ends.iter().any(|end| id.ends_with(end))
        }
    }

    /// The arguments of a call, split at its commas; `source` begins after the opening parenthesis.
    fn parts(source: &str) -> Vec<String> {
        let (mut parts, mut depth, mut is_quoted) = (vec![String::new()], 0, false);
        for letter in source.chars() {
            match letter {
                '"' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                ')' if depth == 0 => break,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
            parts.last_mut().unwrap().push(letter);
        }
        parts
    }

    fn calls() -> Vec<Call> {
        let mut calls = Vec::new();
        for (_, source) in SHIPPED {
            for opening in ["t(", "t_or("] {
                let starts = source
                    .match_indices(opening)
                    .filter(|(at, _)| !source[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
                calls.extend(starts.map(|(at, _)| Call::read(&parts(&source[at + opening.len()..]))));
            }
        }
        calls
    }

    #[test]
    fn every_text_is_used_by_a_page_and_gets_all_its_arguments() {
        let (texts, calls) = (Texts::load(None).unwrap(), calls());
        for id in ids("en") {
            let mut matching: Vec<_> = calls.iter().filter(|call| call.names.iter().any(|name| name == id)).collect();
            if matching.is_empty() {
                matching.extend(calls.iter().filter(|call| call.may_begin_or_end(id)));
            }
            assert!(!matching.is_empty(), "no page says {id}");
            for (call, count) in matching.iter().flat_map(|call| [0, 1, 2, 3, 11, 100].map(|count| (call, count))) {
                let mut arguments = FluentArgs::new();
                // A name may be a text, or a number.
                call.arguments.iter().for_each(|name| arguments.set(name.clone(), count));
                for (language, texts) in &texts {
                    let (text, errors) = texts.format(id, &arguments).unwrap();
                    assert!(errors.is_empty(), "{language}: {id} with {:?}: {errors:?}", call.arguments);
                    assert!(!text.is_empty(), "{language}: {id}");
                }
            }
        }
    }
}
