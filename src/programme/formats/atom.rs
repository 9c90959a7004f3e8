//! The releases as a feed (Atom, RFC 4287): one entry for each release, with the sentences on what it changed.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use uuid::Uuid;

use super::Source;
use crate::{
    clock,
    programme::release::{ReleaseRow, Sentences},
};

const NAMESPACE: &str = "http://www.w3.org/2005/Atom";

pub fn write(source: &Source<'_>) -> Vec<u8> {
    let mut feed = Feed(Writer::new(Vec::new()));
    let snapshot = source.snapshot;
    let conference = &snapshot.agenda.conference;
    feed.put(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)));
    let language = source.language.as_str();
    feed.open("feed", &[("xmlns", NAMESPACE), ("xml:lang", language)]);
    feed.text("id", &snapshot.conference.id.uuid().urn().to_string());
    feed.text("title", source.text(&conference.name));
    feed.text("updated", &clock::wire(snapshot.release.updated_at));
    feed.link("self", "application/atom+xml", &source.url(&format!("/releases.atom?lang={language}")));
    feed.link("alternate", "application/json", &source.url("/programme"));
    feed.open("author", &[]);
    let organisers = conference.organisations.iter().filter_map(|part| snapshot.organisation(&part.organisation));
    let author = organisers.map(|organisation| source.text(&organisation.name)).next();
    feed.text("name", author.unwrap_or(source.text(&conference.name)));
    feed.close("author");
    feed.text("generator", "Plenary");
    for (release, words) in &snapshot.releases {
        let in_language = words.0.get(language).or_else(|| words.0.values().next());
        entry(&mut feed, source, release, in_language);
    }
    feed.close("feed");
    feed.0.into_inner()
}

fn entry(feed: &mut Feed, source: &Source<'_>, release: &ReleaseRow, sentences: Option<&Sentences>) {
    let phrases = source.phrases();
    feed.open("entry", &[]);
    let id = Uuid::new_v5(&source.snapshot.conference.id.uuid(), format!("release {}", release.number).as_bytes());
    feed.text("id", &id.urn().to_string());
    feed.text("title", &phrases.release(release.number));
    feed.text("published", &clock::wire(release.released_at));
    feed.text("updated", &clock::wire(release.updated_at));
    feed.link("alternate", "application/json", &source.url(&format!("/releases/{}/changes", release.number)));
    if let Some(note) = &release.note {
        feed.text("summary", note);
    }
    if let Some(Sentences { first, more }) = sentences.filter(|sentences| !sentences.first.is_empty()) {
        let rest = (*more > 0).then(|| phrases.and_more(*more));
        let lines: Vec<&str> = first.iter().map(String::as_str).chain(rest.as_deref()).collect();
        feed.text("content", &lines.join("\n"));
    }
    feed.close("entry");
}

/// A feed that is being written into memory, which cannot fail.
struct Feed(Writer<Vec<u8>>);

impl Feed {
    fn put(&mut self, event: Event<'_>) {
        _ = self.0.write_event(event);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.put(Event::Start(BytesStart::new(name).with_attributes(attributes.iter().copied())));
    }

    fn close(&mut self, name: &str) {
        self.put(Event::End(BytesEnd::new(name)));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.open(name, &[]);
        // XML cannot contain control characters; values with them are refused when they are read.
        let text: String = text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
        self.put(Event::Text(BytesText::new(&text)));
        self.close(name);
    }

    fn link(&mut self, rel: &str, media_type: &str, href: &str) {
        let attributes = [("rel", rel), ("type", media_type), ("href", href)];
        self.put(Event::Empty(BytesStart::new("link").with_attributes(attributes)));
    }
}
