//! A reader of XML that shares nothing with the service.

use quick_xml::{Reader, events::Event as Xml};

/// An element with its content.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// Its own text.
    pub text: String,
}

impl Element {
    /// The root of a document.
    pub fn read(text: &str) -> Self {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            let event = reader.read_event().unwrap();
            let last = open.last_mut().unwrap();
            match &event {
                Xml::Start(tag) | Xml::Empty(tag) => {
                    let read_attribute = |attribute: quick_xml::events::attributes::Attribute| {
                        let value =
                            attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap().into_owned();
                        (String::from_utf8_lossy(attribute.key.as_ref().as_ref()).into_owned(), value)
                    };
                    open.push(Self {
                        name: String::from_utf8_lossy(tag.name().as_ref().as_ref()).into_owned(),
                        attributes: tag.attributes().map(|attribute| read_attribute(attribute.unwrap())).collect(),
                        ..Self::default()
                    });
                }
                Xml::Text(text) => last.text.push_str(&text.xml10_content()),
                Xml::GeneralRef(reference) => match reference.resolve_char_ref().unwrap() {
                    Some(c) => last.text.push(c),
                    None => last.text.push_str(match reference.xml10_content().as_ref() {
                        "amp" => "&",
                        "lt" => "<",
                        "gt" => ">",
                        "quot" => "\"",
                        "apos" => "'",
                        other => panic!("{other}"),
                    }),
                },
                Xml::Eof => return last.children.pop().unwrap(),
                _ => {}
            }
            if matches!(event, Xml::End(_) | Xml::Empty(_)) {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
        }
    }

    /// The children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// An attribute; empty where there is none.
    pub fn attribute(&self, name: &str) -> String {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The text of the first child of this name, trimmed; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        self.all(name).next().map(|child| child.text.trim().to_owned()).unwrap_or_default()
    }
}

#[test]
fn entities_are_resolved_in_attributes_and_texts() {
    let root = Element::read("<a x='&amp;'><b>c&lt;</b></a>");
    assert_eq!((root.attribute("x"), root.text("b")), ("&".to_owned(), "c<".to_owned()));
}
