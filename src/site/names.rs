//! Names and dates in the locales of the pages: countries, languages, dates.

use chrono::{DateTime, Datelike as _, Locale, NaiveDate, format::StrftimeItems};

use crate::mail;

const COUNTRIES: &str = include_str!("../../config/reference/countries.csv");
const LANGUAGES: &str = include_str!("../../config/reference/languages.csv");

/// The primary subtag of a language tag.
pub fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

/// The column of a locale in the tables, whose first column is the code.
fn column(language: &str) -> usize {
    ["en", "fr", "nl", "ar"].iter().position(|locale| *locale == primary(language)).unwrap_or(0) + 1
}

/// Codes and names in a table. No name has a quote or a line break, and one with a comma is in quotes.
fn rows(table: &'static str, language: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let column = column(language);
    table.lines().skip(1).filter_map(move |line| {
        let mut cells = Vec::with_capacity(5);
        let mut rest = line;
        while !rest.is_empty() {
            let (cell, after) = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (cell, after) = quoted.split_once('"')?;
                    (cell, after.trim_start_matches(','))
                }
                None => rest.split_once(',').unwrap_or((rest, "")),
            };
            cells.push(cell);
            rest = after;
        }
        Some((*cells.first()?, *cells.get(column)?))
    })
}

/// Name of a country; its code if the name is unknown.
pub fn country(code: &str, language: &str) -> String {
    rows(COUNTRIES, language).find(|(row_code, _)| *row_code == code).map_or(code, |(_, name)| name).to_owned()
}

/// A text as it is compared and sorted: without accents, capitals and scripts, so that `Muller` finds `Müller`.
pub fn folded(text: &str) -> String {
    deunicode::deunicode(text).to_lowercase()
}

/// Codes and names of all countries, sorted by name.
pub fn countries(language: &str) -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<_> = rows(COUNTRIES, language).collect();
    // É sorts as E.
    all.sort_by_cached_key(|(_, name)| match primary(language) {
        "ar" => (*name).to_owned(),
        _ => folded(name),
    });
    all
}

/// Name of a language; its tag if the name is unknown.
pub fn language(tag: &str, language: &str) -> String {
    rows(LANGUAGES, language).find(|(row_code, _)| *row_code == primary(tag)).map_or(tag, |(_, name)| name).to_owned()
}

/// Name of a language in that language.
pub fn autonym(tag: &str) -> String {
    let name = match primary(tag) {
        "en" => "English",
        "fr" => "français",
        "nl" => "Nederlands",
        "ar" => "العربية",
        "de" => "Deutsch",
        "es" => "español",
        "it" => "italiano",
        "pt" => "português",
        "ru" => "русский",
        "zh" => "中文",
        "rw" => "Ikinyarwanda",
        _ => return language(tag, "en"),
    };
    name.to_owned()
}

fn locale(language: &str) -> Locale {
    match primary(language) {
        "fr" => Locale::fr_BE,
        "nl" => Locale::nl_BE,
        "ar" => Locale::ar_EG,
        _ => Locale::en_GB,
    }
}

fn format_date(date: NaiveDate, pattern: &str, language: &str) -> String {
    date.format_localized_with_items(StrftimeItems::new_with_locale(pattern, locale(language)), locale(language))
        .to_string()
}

/// A date with its weekday: `Monday, 31 March 2014`.
pub fn long_date(date: NaiveDate, language: &str) -> String {
    match (primary(language), date.day()) {
        ("fr", 1) => format_date(date, "%A 1er %B %Y", language),
        ("fr" | "nl", _) => format_date(date, "%A %-d %B %Y", language),
        ("ar", _) => format_date(date, "%A، %-d %B %Y", language),
        _ => format_date(date, "%A, %-d %B %Y", language),
    }
}

/// A date without its year: `Mon 31 March`.
pub fn short_date(date: NaiveDate, language: &str) -> String {
    match (primary(language), date.day()) {
        ("fr", 1) => format_date(date, "%a. 1er %B", language),
        ("fr", _) => format_date(date, "%a. %-d %B", language),
        _ => format_date(date, "%a %-d %B", language),
    }
}

/// A range of dates: `31 March – 1 April 2014`.
pub fn date_span(first: NaiveDate, last: NaiveDate, language: &str) -> String {
    match primary(language) {
        "ar" if first == last => format_date(first, "%-d %B %Y", language),
        "ar" => format!("{} – {}", format_date(first, "%-d %B", language), format_date(last, "%-d %B %Y", language)),
        primary => mail::date_range(primary, first, last),
    }
}

/// The date at the beginning of a text.
pub fn date_of(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

/// A time in a time zone: `Monday, 31 March 2014, 09:30`. A text that is not a time is returned unchanged.
pub fn date_time(text: &str, zone: Option<chrono_tz::Tz>, language: &str) -> String {
    let Ok(at) = DateTime::parse_from_rfc3339(text) else { return text.to_owned() };
    let local = zone.map_or(at, |zone| at.with_timezone(&zone).fixed_offset());
    let separator = if primary(language) == "ar" { "، " } else { ", " };
    format!("{}{separator}{}", long_date(local.date_naive(), language), local.format("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_names_are_those_of_the_language() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(long_date(day(2014, 3, 31), "en"), "Monday, 31 March 2014");
        assert_eq!(long_date(day(2014, 4, 1), "fr"), "mardi 1er avril 2014");
        assert_eq!(long_date(day(2014, 3, 31), "nl-BE"), "maandag 31 maart 2014");
        assert!(long_date(day(2014, 3, 31), "ar").contains("مارس"));
        assert_eq!(date_span(day(2014, 3, 31), day(2014, 4, 1), "fr"), "31 mars – 1er avril 2014");
        let brussels = Some(chrono_tz::Europe::Brussels);
        assert_eq!(date_time("2014-03-31T07:30:00Z", brussels, "en"), "Monday, 31 March 2014, 09:30");
        assert_eq!(country("RW", "nl"), "Rwanda");
        assert_eq!(country("CI", "fr"), "Côte d’Ivoire");
        assert_eq!(country("QQ", "fr"), "QQ");
        assert_eq!(language("fr", "nl"), "Frans");
        let french = countries("fr");
        assert_eq!(french.len(), 249);
        let position = |code: &str| french.iter().position(|(row_code, _)| *row_code == code).unwrap();
        assert!(position("EG") < position("FR"), "Égypte stands with E");
    }
}
