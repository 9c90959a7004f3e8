//! HTML reduced to plain text: paragraphs and lists stay, links keep their target, scripts and styles are removed.

/// Elements that end a paragraph.
const BLOCKS: &[&str] = &[
    "article",
    "blockquote",
    "dd",
    "div",
    "dl",
    "dt",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];
/// Elements inside a line, and elements that break it.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "br", "cite", "code", "em", "i", "iframe", "img", "li", "mark", "q", "s", "script", "small",
    "span", "strong", "style", "sub", "sup", "tbody", "td", "th", "thead", "tr", "tt", "u", "video",
];

/// Named character references that web texts use.
const ENTITIES: &[(&str, &str)] = &[
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("hellip", "…"),
    ("ndash", "–"),
    ("mdash", "—"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("bull", "•"),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("agrave", "à"),
    ("ccedil", "ç"),
    ("copy", "©"),
    ("euro", "€"),
    ("times", "×"),
];

/// The plain text; `None` if the text contains no HTML.
pub fn to_plain(text: &str) -> Option<String> {
    let mut writer = PlainTextWriter::default();
    let mut rest = text;
    let mut is_html = false;
    while let Some(index) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at_checked(index)?;
        writer.push_text(before);
        if let Some((tag, after)) = Tag::read(from) {
            is_html = true;
            rest = writer.apply_tag(&tag, after);
        } else if let Some((character, after)) = entity(from) {
            is_html = true;
            writer.text.push_str(&character);
            rest = after;
        } else {
            let mut characters = from.chars();
            writer.text.extend(characters.next());
            rest = characters.as_str();
        }
    }
    writer.push_text(rest);
    is_html.then(|| writer.finish())
}

struct Tag<'a> {
    name: String,
    is_end: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads the tag at the beginning of `from`, and returns the rest. `<https://...>` in a Markdown text is not a tag.
    fn read(from: &'a str) -> Option<(Self, &'a str)> {
        let inner = from.strip_prefix('<')?;
        if let Some(comment) = inner.strip_prefix("!--") {
            let (_, after) = comment.split_once("-->")?;
            return Some((Self { name: "!--".to_owned(), is_end: false, attributes: "" }, after));
        }
        let (is_end, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
        let (whole, after) = inner.split_once('>')?;
        let end = whole.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(whole.len());
        let (name, attributes) = whole.split_at_checked(end)?;
        let name = name.to_ascii_lowercase();
        let is_known = BLOCKS.contains(&name.as_str()) || INLINE.contains(&name.as_str());
        let ends_well = attributes.is_empty() || attributes.starts_with(|c: char| c.is_whitespace() || c == '/');
        // `a<b and c>d` is a comparison.
        let ends_well = ends_well && has_attributes_only(attributes);
        (is_known && ends_well).then_some((Self { name, is_end, attributes }, after))
    }

    fn link(&self) -> Option<&'a str> {
        let (_, value) = self.attributes.split_once("href=")?;
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let target = value.get(1..)?.split(quote).next()?;
        (target.starts_with("http://") || target.starts_with("https://")).then_some(target)
    }
}

/// Attributes that have no value.
const ATTRIBUTES_WITHOUT_VALUE: &[&str] = &[
    "allowfullscreen",
    "async",
    "autoplay",
    "checked",
    "controls",
    "defer",
    "disabled",
    "download",
    "hidden",
    "loop",
    "muted",
    "nomodule",
    "open",
    "playsinline",
    "reversed",
];

/// Whether everything after the name of a tag is an attribute with a value, or one that needs none.
fn has_attributes_only(attributes: &str) -> bool {
    let mut rest = attributes.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or_default();
        rest = match after.trim_start().strip_prefix('=').map(str::trim_start) {
            Some(value) => after_value(value),
            None if ATTRIBUTES_WITHOUT_VALUE.contains(&name.to_ascii_lowercase().as_str()) => after,
            None => return false,
        };
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    }
    true
}

fn after_value(value: &str) -> &str {
    let quoted = value.strip_prefix('"').map(|text| (text, '"')).or(value.strip_prefix('\'').map(|text| (text, '\'')));
    match quoted {
        Some((text, quote)) => text.split_once(quote).map_or("", |(_, after)| after),
        None => value.find(char::is_whitespace).and_then(|end| value.get(end..)).unwrap_or_default(),
    }
}

/// Reads the character reference at the beginning of `from`, and returns the rest.
fn entity(from: &str) -> Option<(String, &str)> {
    let (name, after) = from.strip_prefix('&')?.split_once(';')?;
    if let Some((_, character)) = ENTITIES.iter().find(|(entity_name, _)| *entity_name == name) {
        return Some(((*character).to_owned(), after));
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some((char::from_u32(code)?.to_string(), after))
}

#[derive(Default)]
struct PlainTextWriter<'a> {
    text: String,
    /// Target of the open link, and the position where its text began.
    link: Option<(&'a str, usize)>,
}

impl<'a> PlainTextWriter<'a> {
    fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Applies a tag to the text, and returns what is left to read.
    fn apply_tag(&mut self, tag: &Tag<'a>, after: &'a str) -> &'a str {
        match tag.name.as_str() {
            name @ ("script" | "style") if !tag.is_end => {
                let end = format!("</{name}");
                let skipped = after.to_ascii_lowercase().find(&end).and_then(|index| after.get(index..));
                return skipped.and_then(|rest| rest.split_once('>')).map_or("", |(_, rest)| rest);
            }
            "a" if tag.is_end => {
                if let Some((target, start)) = self.link.take()
                    && self.text.get(start..).is_some_and(|text| text.trim() != target)
                {
                    self.text.push_str(&format!(" ({target})"));
                }
            }
            "a" => self.link = tag.link().map(|target| (target, self.text.len())),
            "br" => self.text.push('\n'),
            "li" if !tag.is_end => self.text.push_str("\n- "),
            "tr" => self.text.push('\n'),
            "td" | "th" if tag.is_end => self.text.push(' '),
            name if BLOCKS.contains(&name) => self.text.push_str("\n\n"),
            _ => {}
        }
        after
    }

    /// The text without spaces at the ends of lines, and with one empty line between paragraphs.
    fn finish(self) -> String {
        let mut lines: Vec<&str> = Vec::new();
        for line in self.text.lines().map(str::trim) {
            if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
                lines.push(line);
            }
        }
        lines.join("\n").trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::to_plain;

    #[test]
    fn html_becomes_paragraphs_and_plain_text_stays_what_it_is() {
        let html = "<p>One &amp; <b>two</b><br/>three.</p>\n\n<p>See <a href=\"https://example.org/x\">this</a></p>\
            <ul><li>a</li><li>b</li></ul><script>alert('<p>')</script><style>p{}</style>";
        let expected = "One & two\nthree.\n\nSee this (https://example.org/x)\n\n- a\n- b";
        assert_eq!(to_plain(html).as_deref(), Some(expected));
        for text in [
            "a < b && c > d",
            "see <https://example.org>",
            "R&D; x",
            "<peter@example.org>",
            "& <",
            "é<",
            "a<b and c>d",
            "x <b c d=e> y",
        ] {
            assert_eq!(to_plain(text), None);
        }
        assert_eq!(to_plain("&#8217;&#x2019;&#1114112; <a href=\"x\">k</a>").as_deref(), Some("’’&#1114112; k"));
        assert_eq!(
            to_plain("<video controls src='x'>a</video><br / >b<p class=x id = \"y\">c").as_deref(),
            Some("a\nb\n\nc")
        );
        assert_eq!(to_plain("<script>never ends").as_deref(), Some(""));
    }
}
