//! Languages of texts within a page: the marks that [`marked`](crate::programme::negotiate::marked) puts around a text
//! become elements with `lang`, so that screen readers speak it, and browsers set it, in its own language.

use super::texts::direction;
use crate::programme::negotiate::{CANCEL_TAG, LANGUAGE_TAG, TAG_OFFSET};

/// Elements whose content is text alone.
const TEXT_ONLY: [&str; 5] = ["title", "option", "textarea", "script", "style"];

/// The longest language tag that is one.
const TAG_LENGTH_MAX: usize = 35;

/// A page whose marks have become elements. Where there can be none, in attributes and in elements of text alone, the
/// marks are left out.
pub fn to_html(page: String) -> String {
    if !page.contains(LANGUAGE_TAG) {
        return page;
    }
    let mut html = String::with_capacity(page.len() + 1024);
    let mut language: Option<String> = None;
    let mut is_open = false;
    let mut text_only: Option<&str> = None;
    let mut rest = page.as_str();
    while let Some(c) = rest.chars().next() {
        if c == '<' {
            // An element does not reach over the limits of another; it goes on inside of it.
            if std::mem::take(&mut is_open) {
                html.push_str("</span>");
            }
            let (tag, after) = rest.split_at(rest.find('>').map_or(rest.len(), |end| end + 1));
            html.push_str(&without_marks(tag));
            rest = after;
            let name = tag.trim_start_matches(['<', '/']).split(|c: char| !c.is_ascii_alphanumeric()).next();
            let element = TEXT_ONLY.into_iter().find(|element| name == Some(element));
            text_only = if tag.starts_with("</") { None } else { element.or(text_only) };
        } else if c == LANGUAGE_TAG {
            let (tag, after) = split_tag(rest.trim_start_matches(LANGUAGE_TAG));
            if std::mem::take(&mut is_open) {
                html.push_str("</span>");
            }
            rest = after.strip_prefix(CANCEL_TAG).unwrap_or(after);
            language = Some(tag).filter(|tag| (1..=TAG_LENGTH_MAX).contains(&tag.len()));
        } else {
            if let Some(tag) = language.as_ref().filter(|_| text_only.is_none() && !is_open && !c.is_whitespace()) {
                html.push_str(&format!("<span lang=\"{tag}\" dir=\"{}\">", direction(tag)));
                is_open = true;
            }
            html.push(c);
            rest = rest.strip_prefix(c).unwrap_or_default();
        }
    }
    html
}

/// The language tag at the beginning of a text, and what follows it.
fn split_tag(text: &str) -> (String, &str) {
    let end = text.find(|c| tag_character(c).is_none()).unwrap_or(text.len());
    let (tag, after) = text.split_at(end);
    (tag.chars().filter_map(tag_character).collect(), after)
}

/// The language of a text that is marked as a whole.
pub fn language_of(text: &str) -> Option<String> {
    Some(split_tag(text.strip_prefix(LANGUAGE_TAG)?).0).filter(|tag| !tag.is_empty())
}

/// The letter, digit or hyphen of a language tag.
fn tag_character(c: char) -> Option<char> {
    let plain = char::from_u32(u32::from(c).checked_sub(TAG_OFFSET)?)?;
    (plain.is_ascii_alphanumeric() || plain == '-').then_some(plain)
}

/// A text without marks.
pub fn without_marks(text: &str) -> String {
    if !text.contains(LANGUAGE_TAG) {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut is_tag = false;
    for c in text.chars() {
        is_tag = c == LANGUAGE_TAG || (is_tag && (tag_character(c).is_some() || c == CANCEL_TAG));
        plain.extend((!is_tag).then_some(c));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programme::negotiate::marked;

    #[test]
    fn a_text_in_another_language_gets_an_element_where_there_can_be_one() {
        let french = marked("Le &amp; droit", "fr");
        let page = format!(
            "<title>{french}</title><p title=\"{french}\">The law: {french}.</p><p>{}</p><b>end</b>",
            marked("one</p>\n<p>two", "ar")
        );
        let expected = "<title>Le &amp; droit</title><p title=\"Le &amp; droit\">The law: \
                        <span lang=\"fr\" dir=\"ltr\">Le &amp; droit</span>.</p>\
                        <p><span lang=\"ar\" dir=\"rtl\">one</span></p>\n<p><span lang=\"ar\" dir=\"rtl\">two</span></p>\
                        <b>end</b>";
        assert_eq!(to_html(page), expected);
        assert_eq!(without_marks(&format!("a {french} b 🏴󠁧󠁢󠁥󠁮󠁧󠁿")), "a Le &amp; droit b 🏴󠁧󠁢󠁥󠁮󠁧󠁿");
    }
}
