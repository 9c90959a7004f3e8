//! `schedule.xml` of frab, c3voc and pretalx, valid against `https://c3voc.de/schedule/schema.xsd`.
//!
//! It begins with the XML declaration and the root element, without a byte order mark or a comment: readers look for
//! both in the first kilobyte.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event as Xml},
    writer::ElementWriter,
};

use super::{
    Source,
    schedule::{Day, Event, Link, Person, Schedule, TIMESLOT},
};

type Document = Writer<Vec<u8>>;

pub fn write(source: &Source<'_>) -> Vec<u8> {
    let mut document = Writer::new_with_indent(Vec::new(), b' ', 1);
    // Writing into memory cannot fail.
    let _ = schedule(&mut document, &Schedule::of(source));
    document.into_inner()
}

fn schedule(document: &mut Document, schedule: &Schedule) -> io::Result<()> {
    document.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    document.create_element("schedule").write_inner_content(|document| {
        let generator =
            [("name", "plenary"), ("version", env!("CARGO_PKG_VERSION")), ("system", schedule.system.as_str())];
        document.create_element("generator").with_attributes(generator).write_empty()?;
        text(document, "version", &schedule.version)?;
        conference(document, schedule)?;
        schedule.days.iter().try_for_each(|day_of_schedule| day(document, day_of_schedule))
    })?;
    Ok(())
}

fn conference(document: &mut Document, schedule: &Schedule) -> io::Result<()> {
    document.create_element("conference").write_inner_content(|document| {
        text(document, "acronym", &schedule.acronym)?;
        text(document, "title", &schedule.title)?;
        text(document, "start", &schedule.start.to_string())?;
        text(document, "end", &schedule.end.to_string())?;
        text(document, "days", &schedule.days.len().to_string())?;
        text(document, "timeslot_duration", TIMESLOT)?;
        text(document, "time_zone_name", &schedule.time_zone_name)?;
        for track in &schedule.tracks {
            let attributes = [("name", track.name.as_str()), ("slug", track.slug.as_str())];
            document.create_element("track").with_attributes(attributes).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn day(document: &mut Document, day: &Day) -> io::Result<()> {
    let (index, date) = (day.index.to_string(), day.date.to_string());
    let attributes =
        [("index", index.as_str()), ("date", date.as_str()), ("start", day.start.as_str()), ("end", day.end.as_str())];
    document.create_element("day").with_attributes(attributes).write_inner_content(|document| {
        for (room, events) in &day.rooms {
            let guid = room.guid.to_string();
            let attributes = [("name", room.name.as_str()), ("guid", guid.as_str())];
            list(document.create_element("room").with_attributes(attributes), events, event)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn event(document: &mut Document, event: &Event) -> io::Result<()> {
    let (guid, id) = (event.guid.to_string(), event.id.to_string());
    let element = document.create_element("event").with_attributes([("guid", guid.as_str()), ("id", id.as_str())]);
    element.write_inner_content(|document| {
        text(document, "date", &event.date)?;
        text(document, "start", &event.start)?;
        text(document, "duration", &event.duration)?;
        text(document, "room", &event.room)?;
        text(document, "slug", &event.slug)?;
        text(document, "url", &event.url)?;
        text(document, "title", &event.title)?;
        text(document, "subtitle", &event.subtitle)?;
        text(document, "track", event.track.as_deref().unwrap_or_default())?;
        text(document, "type", event.kind)?;
        if let Some(language) = &event.language {
            text(document, "language", language)?;
        }
        text(document, "abstract", &event.abstract_)?;
        text(document, "description", &event.description)?;
        list(document.create_element("persons"), &event.persons, person)?;
        list(document.create_element("links"), &event.links, link)
    })?;
    Ok(())
}

fn person(document: &mut Document, person: &Person) -> io::Result<()> {
    let (id, guid) = (person.id.to_string(), person.guid.to_string());
    let element = document.create_element("person").with_attributes([("id", id.as_str()), ("guid", guid.as_str())]);
    element.write_text_content(BytesText::new(&person.name))?;
    Ok(())
}

fn link(document: &mut Document, link: &Link) -> io::Result<()> {
    let element = document.create_element("link").with_attributes([("href", link.url.as_str()), ("type", link.kind)]);
    element.write_text_content(BytesText::new(&link.title))?;
    Ok(())
}

fn list<T>(
    element: ElementWriter<'_, Vec<u8>>,
    members: &[T],
    write: impl Fn(&mut Document, &T) -> io::Result<()>,
) -> io::Result<()> {
    match members {
        [] => element.write_empty()?,
        members => {
            element.write_inner_content(|document| members.iter().try_for_each(|member| write(document, member)))?
        }
    };
    Ok(())
}

fn text(document: &mut Document, name: &str, text: &str) -> io::Result<()> {
    let element = document.create_element(name);
    match text {
        "" => element.write_empty()?,
        text => element.write_text_content(BytesText::new(text))?,
    };
    Ok(())
}
