//! schedule.xml: read event by event, in one pass. Only the five predefined entities of XML are expanded.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesRef, BytesStart, Event as Xml},
};

use super::{
    frab::{RawDay, RawEvent, RawPerson, RawSchedule},
    lines::Lines,
    report::Report,
    schedule::check_session_limit,
};
use crate::{csv_table::line_pointer, validation::ValidationErrors};

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 32;

/// Reads the file as texts.
///
/// # Errors
/// The file is not well-formed XML, has a DOCTYPE, is not a schedule, or has too many events.
pub fn read(text: &str, report: &mut Report) -> Result<RawSchedule, ValidationErrors> {
    let mut reader = Reader::from_str(text);
    let mut xml_reader = XmlReader::new(Lines::of(text), report);
    loop {
        let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| {
            let position = usize::try_from(reader.error_position()).unwrap_or(usize::MAX).min(text.len());
            error_at(xml_reader.lines.line(position), "malformed_xml", error.to_string())
        })?;
        xml_reader.line = xml_reader.lines.line(position);
        if matches!(event, Xml::Eof) {
            return xml_reader.finish();
        }
        xml_reader.read_event(event)?;
    }
}

fn error_at(line: usize, code: &str, detail: impl Into<String>) -> ValidationErrors {
    let mut errors = ValidationErrors::default();
    errors.add(line_pointer(line), code, detail);
    errors
}

struct XmlReader<'a> {
    lines: Lines,
    report: &'a mut Report,
    line: usize,
    /// Open elements, from the root.
    open_elements: Vec<String>,
    /// Text of the innermost open element.
    text: String,
    raw_schedule: RawSchedule,
    room: String,
    event: RawEvent,
    person: RawPerson,
    /// Members of the event that the agenda has no field for.
    unsupported_members: Vec<String>,
    has_schedule: bool,
}

impl<'a> XmlReader<'a> {
    fn new(lines: Lines, report: &'a mut Report) -> Self {
        Self {
            lines,
            report,
            line: 1,
            open_elements: Vec::new(),
            text: String::new(),
            raw_schedule: RawSchedule::default(),
            room: String::new(),
            event: RawEvent::default(),
            person: RawPerson::default(),
            unsupported_members: Vec::new(),
            has_schedule: false,
        }
    }

    fn read_event(&mut self, event: Xml<'_>) -> Result<(), ValidationErrors> {
        match event {
            Xml::Start(element) => self.start_element(&element)?,
            Xml::Empty(element) => {
                self.start_element(&element)?;
                self.end_element();
            }
            Xml::End(_) => self.end_element(),
            Xml::Text(text) => self.text.push_str(&text.xml10_content()),
            Xml::CData(text) => self.text.push_str(&text.xml10_content()),
            Xml::GeneralRef(reference) => {
                let character = self.reference(&reference)?;
                self.text.push_str(&character);
            }
            Xml::DocType(_) => {
                let detail = "remove the DOCTYPE: neither it nor its entities are read";
                return Err(error_at(self.line, "doctype", detail));
            }
            Xml::Comment(_) | Xml::Decl(_) | Xml::PI(_) | Xml::Eof => {}
        }
        Ok(())
    }

    fn reference(&self, reference: &BytesRef<'_>) -> Result<String, ValidationErrors> {
        let malformed = |detail: String| error_at(self.line, "malformed_xml", detail);
        if let Some(character) = reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))? {
            return Ok(character.to_string());
        }
        let name = reference.xml10_content();
        resolve_xml_entity(&name).map(str::to_owned).ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            malformed(format!("there is no entity &{name};"))
        })
    }

    fn start_element(&mut self, element: &BytesStart<'_>) -> Result<(), ValidationErrors> {
        let name = element.local_name();
        let name = name.as_ref().to_owned();
        if self.open_elements.len() >= DEPTH_MAX {
            return Err(error_at(self.line, "too_deep", format!("elements may be nested at most {DEPTH_MAX} deep")));
        }
        if self.open_elements.is_empty() && name != "schedule" {
            return Err(error_at(self.line, "other_format", format!("a schedule's root is <schedule>, not <{name}>")));
        }
        self.has_schedule = true;
        self.open_elements.push(name);
        self.text.clear();
        let malformed = |error: &dyn std::error::Error| error_at(self.line, "malformed_xml", error.to_string());
        let mut attributes = Vec::new();
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|error| malformed(&error))?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| malformed(&error))?;
            attributes.push((attribute.key, value));
        }
        let attribute = |name: &str| {
            let with_name = attributes.iter().find(|(key, _)| key.as_ref() == name);
            with_name.map(|(_, value)| value.as_ref().to_owned()).unwrap_or_default()
        };
        let path: Vec<&str> = self.open_elements.iter().skip(1).map(String::as_str).collect();
        match path.as_slice() {
            ["conference"] => self.raw_schedule.conference.line = self.line,
            ["conference", "track"] => self.raw_schedule.tracks.push(attribute("name")),
            ["day"] => {
                let (date, start) = (attribute("date"), attribute("start"));
                self.raw_schedule.days.push(RawDay { line: self.line, date, start });
            }
            ["day", "room"] => {
                self.room = attribute("name");
                self.raw_schedule.rooms.push((self.room.clone(), None));
            }
            ["day", "room", "event"] => {
                check_session_limit(self.raw_schedule.events.len(), self.line)?;
                let (guid, id) = (attribute("guid"), attribute("id"));
                let day = self.raw_schedule.days.len().saturating_sub(1);
                self.event = RawEvent { line: self.line, day, guid, id, ..RawEvent::default() };
                self.unsupported_members.clear();
            }
            ["day", "room", "event", "persons", "person"] => {
                let (guid, code, id) = (attribute("guid"), attribute("code"), attribute("id"));
                self.person = RawPerson { line: self.line, guid, code, id, ..RawPerson::default() };
            }
            _ => {}
        }
        Ok(())
    }

    fn end_element(&mut self) {
        let text = std::mem::take(&mut self.text);
        let path: Vec<&str> = self.open_elements.iter().skip(1).map(String::as_str).collect();
        match path.as_slice() {
            ["conference", member] => conference_member(&mut self.raw_schedule, member, text, self.line, self.report),
            ["tracks", "track"] => self.raw_schedule.tracks.push(text),
            ["day", "room", "event"] => {
                let mut event = std::mem::take(&mut self.event);
                if event.room.trim() != self.room.trim() && !event.room.trim().is_empty() {
                    self.report.note("room", "an event is in the room that it is listed under", Some(event.line));
                }
                event.room.clone_from(&self.room);
                for member in &self.unsupported_members {
                    self.report.note("not_kept", format!("{member} of events"), Some(event.line));
                }
                self.raw_schedule.events.push(event);
            }
            ["day", "room", "event", "persons", "person"] => {
                let person = std::mem::take(&mut self.person);
                self.event.persons.push(RawPerson { name: text, ..person });
            }
            ["day", "room", "event", member] => {
                if let Some(field) = event_field(&mut self.event, member) {
                    *field = text;
                } else if *member != "persons" && !text.trim().is_empty() {
                    let member = (*member).to_owned();
                    self.unsupported_members
                        .extend(Some(member).filter(|member| !self.unsupported_members.contains(member)));
                }
            }
            // For a link, an attachment or the licence of a recording, the note names the element that holds it.
            ["day", "room", "event", container, ..] => {
                let container = (*container).to_owned();
                self.unsupported_members
                    .extend(Some(container).filter(|container| !self.unsupported_members.contains(container)));
            }
            [member @ ("version" | "generator" | "url")] => {
                self.report.note("not_kept", format!("{member} of the schedule"), Some(self.line));
            }
            _ => {}
        }
        self.open_elements.pop();
    }

    fn finish(self) -> Result<RawSchedule, ValidationErrors> {
        if let Some(innermost) = self.open_elements.last() {
            return Err(error_at(self.line, "malformed_xml", format!("the file ends inside <{innermost}>")));
        }
        if !self.has_schedule {
            return Err(error_at(self.line, "other_format", "there is no <schedule> in the file"));
        }
        Ok(self.raw_schedule)
    }
}

fn conference_member(raw_schedule: &mut RawSchedule, member: &str, text: String, line: usize, report: &mut Report) {
    let conference = &mut raw_schedule.conference;
    let field = match member {
        "title" => &mut conference.title,
        "acronym" => &mut conference.acronym,
        "subtitle" => &mut conference.subtitle,
        "venue" => &mut conference.venue,
        "city" => &mut conference.city,
        "start" => &mut conference.start,
        "end" => &mut conference.end,
        "day_change" => &mut conference.day_change,
        "timeslot_duration" => &mut conference.timeslot_duration,
        "time_zone_name" => &mut conference.time_zone_name,
        "days" | "track" => return,
        other => {
            if !text.trim().is_empty() {
                report.note("not_kept", format!("{other} of the conference"), Some(line));
            }
            return;
        }
    };
    *field = text;
}

/// The field of an event for a member of the file.
pub fn event_field<'a>(event: &'a mut RawEvent, member: &str) -> Option<&'a mut String> {
    Some(match member {
        "room" => &mut event.room,
        "slug" => &mut event.slug,
        "title" => &mut event.title,
        "subtitle" => &mut event.subtitle,
        "type" => &mut event.type_name,
        "date" => &mut event.date,
        "start" => &mut event.start,
        "duration" => &mut event.duration,
        "track" => &mut event.track,
        "language" => &mut event.language,
        "abstract" => &mut event.abstract_,
        "description" => &mut event.description,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let errors = read(text, &mut Report::default()).err().unwrap_or_default().0;
        errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn a_file_that_is_no_schedule_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "line 1 other_format"),
            ("<x/>", "line 1 other_format"),
            ("<schedule>\n<day>\n", "line 3 malformed_xml"),
            ("<schedule>\n<day></room></schedule>", "line 2 malformed_xml"),
            ("<schedule>\n<day date='1' date='2'/></schedule>", "line 2 malformed_xml"),
            ("<schedule>\n&nbsp;</schedule>", "line 2 malformed_xml"),
            ("<schedule>\n&#xD800;</schedule>", "line 2 malformed_xml"),
            ("<!DOCTYPE html>\n<html/>", "line 1 doctype"),
            (
                "<?xml version='1.0'?>\n<!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>\n<schedule/>",
                "line 2 doctype",
            ),
        ] {
            assert_eq!(errors(text), [expected], "{text}");
        }
        let deep = format!("<schedule>{}", "<x>".repeat(1000));
        assert_eq!(errors(&deep), ["line 1 too_deep"]);
    }

    #[test]
    fn an_event_is_read_with_references_and_cdata_and_unsupported_members_are_noted() {
        let text = "<schedule><version>1</version><conference><track name='A &amp; B'/></conference><day date='2030-01-01'>\
            <room name='R'>\n<event id='1' guid='g'><title>A &lt;b&gt; &#233;</title><abstract><![CDATA[<p>]]></abstract>\
            <unknown>x</unknown><links><link href='x'>y</link><link/></links><logo/><persons><person id='2'>P &amp; Q</person>\
            </persons></event></room></day></schedule>";
        let mut report = Report::default();
        let raw_schedule = read(text, &mut report).unwrap();
        let event = &raw_schedule.events[0];
        assert_eq!((event.line, event.title.as_str(), event.abstract_.as_str()), (2, "A <b> é", "<p>"));
        assert_eq!((event.persons[0].name.as_str(), event.persons[0].id.as_str()), ("P & Q", "2"));
        assert_eq!(raw_schedule.tracks, ["A & B"]);
        let notes: Vec<_> = report.0.iter().map(|note| note.detail.as_str()).collect();
        assert_eq!(notes, ["version of the schedule", "unknown of events", "links of events"]);
    }
}
