//! Dates and times in the words of a language of letters.

use chrono::{DateTime, Datelike as _, FixedOffset, Locale, NaiveDate};

use super::letter::{is_right_to_left, primary_subtag};

const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_NL: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const MONTHS_AR: [&str; 12] =
    ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"];

/// The conference's dates in words: `31 March – 1 April 2014`.
pub fn date_range(language: &str, first: NaiveDate, last: NaiveDate) -> String {
    let language = primary_subtag(language);
    let months = match language {
        "en" => Some(MONTHS_EN),
        "fr" => Some(MONTHS_FR),
        "nl" => Some(MONTHS_NL),
        "ar" => Some(MONTHS_AR),
        _ => None,
    };
    // A conference may have templates of its own in any language.
    let country = format!("{language}_{}", language.to_uppercase());
    let locale = Locale::try_from(country.as_str()).unwrap_or(Locale::en_GB);
    let month = |date: NaiveDate| match months {
        Some(months) => months.get(date.month0() as usize).copied().unwrap_or_default().to_owned(),
        None => date.format_localized("%B", locale).to_string(),
    };
    let day = |date: NaiveDate| match (language, date.day()) {
        ("fr", 1) => "1er".to_owned(),
        ("de", day) => format!("{day}."),
        (_, day) => day.to_string(),
    };
    let end = format!("{} {} {}", day(last), month(last), last.year());
    if first == last {
        end
    } else if first.year() != last.year() {
        format!("{} {} {} – {end}", day(first), month(first), first.year())
    } else if first.month() != last.month() {
        format!("{} {} – {end}", day(first), month(first))
    } else {
        format!("{}–{end}", day(first))
    }
}

/// A time in words: `31 March 2014, 09:30`.
pub fn date_time(language: &str, at: DateTime<FixedOffset>) -> String {
    let date = date_range(language, at.date_naive(), at.date_naive());
    let comma = if is_right_to_left(language) { '،' } else { ',' };
    format!("{date}{comma} {}", at.format("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_people_write_them() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(date_range("en", day(2014, 3, 31), day(2014, 4, 1)), "31 March – 1 April 2014");
        assert_eq!(date_range("fr", day(2014, 3, 30), day(2014, 3, 31)), "30–31 mars 2014");
        assert_eq!(date_range("fr", day(2014, 3, 31), day(2014, 4, 1)), "31 mars – 1er avril 2014");
        assert_eq!(date_range("nl", day(2014, 12, 31), day(2015, 1, 1)), "31 december 2014 – 1 januari 2015");
        assert_eq!(date_range("sw", day(2014, 5, 1), day(2014, 5, 1)), "1 May 2014");
        assert_eq!(date_range("de", day(2014, 3, 31), day(2014, 4, 1)), "31. März – 1. April 2014");
        assert_eq!(date_range("ar", day(2014, 3, 30), day(2014, 3, 31)), "30–31 مارس 2014");
    }
}
