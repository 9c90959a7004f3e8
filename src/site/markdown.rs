//! Texts of organisers in Markdown (CommonMark, with tables), as HTML for a page.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::{
    language_marks::{language_of, without_marks},
    texts::direction,
};
use crate::programme::negotiate::LANGUAGE_TAG;

/// The HTML of a text that may be marked to be in another language than the page.
pub fn to_marked_html(text: &str) -> String {
    let html = to_html(&without_marks(text));
    match language_of(text) {
        Some(tag) => format!("<div lang=\"{tag}\" dir=\"{}\">{html}</div>", direction(&tag)),
        None => html,
    }
}

/// The HTML of a text. HTML in the text is shown as text; links lead to web pages, addresses and telephone numbers, or
/// to pages of the service; pictures, which a page may not load, are replaced by their descriptions. Headings begin at
/// the second level, because the title of the page has the first.
fn to_html(text: &str) -> String {
    let mut is_link = Vec::new();
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let events = events.filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) | Event::Text(text) => Some(Event::Text(unmarked(text))),
        Event::Code(text) => Some(Event::Code(unmarked(text))),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            Some(Event::Start(Tag::Heading { level: below(level), id, classes, attrs }))
        }
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(below(level)))),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            let is_allowed = may_be_linked(dest_url);
            is_link.push(is_allowed);
            is_allowed.then_some(event)
        }
        Event::End(TagEnd::Link) => is_link.pop().unwrap_or_default().then_some(event),
        other => Some(other),
    });
    let mut output = String::with_capacity(text.len() * 5 / 4);
    html::push_html(&mut output, events);
    // A page permits no style at an element. A quotation mark in a text is escaped.
    for side in ["left", "center", "right"] {
        output = output.replace(&format!(" style=\"text-align: {side}\""), &format!(" class=\"{side}\""));
    }
    output
}

/// A text without marks of languages, which an entity of HTML can stand for.
fn unmarked(text: CowStr<'_>) -> CowStr<'_> {
    if text.contains(LANGUAGE_TAG) { text.replace(LANGUAGE_TAG, "").into() } else { text }
}

fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// Whether a link may lead there: nothing that a browser runs.
fn may_be_linked(destination: &str) -> bool {
    // Browsers ignore white space and control characters in the scheme.
    let compact: String = destination.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let scheme = compact.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.filter(|scheme| !scheme.contains(['/', '?', '#'])) {
        Some(scheme) => matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel"),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_and_html_stays_text() {
        assert_eq!(
            to_html("# Visa\n\n*Ask* [us](mailto:a@b.example)."),
            "<h2>Visa</h2>\n<p><em>Ask</em> <a href=\"mailto:a@b.example\">us</a>.</p>\n"
        );
        assert_eq!(to_html("a <b onclick=x>b</b>"), "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n");
        assert_eq!(to_html("<script>alert(1)</script>"), "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
        assert_eq!(to_html("[x](javascript:alert(1)) ![map](https://x.example/a.png)"), "<p>x map</p>\n");
        assert_eq!(to_html("[x](<java\tscript:alert(1)>) <data:text/html,x>"), "<p>x data:text/html,x</p>\n");
        assert_eq!(to_html("a &#xE0001;&#x41; `b&#xE0001;`"), "<p>a A <code>b&amp;#xE0001;</code></p>\n");
        let table = to_html("| a | b |\n|---|---|\n| 1 | 2 |");
        assert_eq!(table.matches("<td>").count(), 2);
        assert!(to_html("| a |\n|:-:|\n| 1 |").contains("<td class=\"center\">1</td>"));
    }
}
