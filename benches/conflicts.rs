//! How long the check of an agenda of 2,000 sessions takes: what the service says of itself, against the limit of 50
//! milliseconds and against looking at all pairs of sessions, in the same run.
//!
//! The time of the peer is that of two of the checks alone, overlaps of rooms and of speakers, on the same data.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant as Timer,
};

use serde_json::{Value, json};

const TOKEN: &str = "a-bench-admin-token-of-32-characters-or-more";
const LIMIT_MILLISECONDS: f64 = 50.0;
const ROUNDS: usize = 30;
const DAYS: usize = 5;
const ROOMS: usize = 40;
const SESSIONS_A_DAY: usize = 10;
const SPEAKERS: usize = 1_000;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let agenda = agenda();
    let service = Service::start()?;
    service.send("PUT", "/api/v1/conferences/large/blueprint", Some(&agenda))?;
    let mut times = Vec::new();
    let mut counts = (0, 0);
    for _ in 0..ROUNDS {
        let (timing, list) = service.send("GET", "/api/v1/conferences/large/agenda/conflicts", None)?;
        times.push(timing.ok_or("the answer has no Server-Timing")?);
        let count = |key: &str| list.get(key).and_then(Value::as_u64).ok_or("the answer has no counts");
        counts = (count("errors")?, count("warnings")?);
    }
    let slots = slots(&agenda);
    let mut pairs = 0;
    let peer = (0..ROUNDS)
        .map(|_| {
            let timer = Timer::now();
            pairs = std::hint::black_box(all_pairs(std::hint::black_box(&slots)));
            timer.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    report(slots.len(), counts, pairs, times, peer)
}

fn report(
    sessions: usize,
    (errors, warnings): (u64, u64),
    pairs: usize,
    mut times: Vec<f64>,
    mut peer: Vec<f64>,
) -> Result<(), Failure> {
    let summary = |times: &mut Vec<f64>| -> Option<(f64, f64)> {
        times.sort_by(f64::total_cmp);
        Some((*times.first()?, *times.get(times.len() / 2)?))
    };
    let (least, median) = summary(&mut times).ok_or("nothing was measured")?;
    let (peer_least, peer_median) = summary(&mut peer).ok_or("nothing was measured")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{sessions} sessions: {errors} errors, {warnings} warnings; {pairs} overlaps by all pairs")?;
    writeln!(out, "every check, by a sweep:    min {least:.2} ms, median {median:.2} ms")?;
    writeln!(out, "overlaps alone, all pairs:  min {peer_least:.2} ms, median {peer_median:.2} ms")?;
    writeln!(out, "median / limit of {LIMIT_MILLISECONDS} ms: {:.3}", median / LIMIT_MILLISECONDS)?;
    writeln!(out, "median / median of all pairs: {:.3}", median / peer_median)?;
    Ok(())
}

/// The service in a folder of its own; both go away with it.
struct Service {
    process: Child,
    folder: PathBuf,
    url: String,
}

impl Service {
    fn start() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("plenary-bench-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let at = |name: &str| folder.join(name).display().to_string();
        let variables = BTreeMap::from([
            ("PLENARY_LISTEN", "127.0.0.1:0".to_owned()),
            ("PLENARY_DATABASE_URL", format!("sqlite:{}", at("plenary.db"))),
            ("PLENARY_DATA_DIR", at("data")),
            ("PLENARY_MAIL_URL", format!("file:{}", at("mail"))),
            ("PLENARY_SEED", "none".to_owned()),
            ("PLENARY_ADMIN_TOKEN", TOKEN.to_owned()),
        ]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_plenary"));
        command.current_dir(&folder).env_clear().envs(variables).stdout(Stdio::piped()).stderr(Stdio::null());
        let process = command.spawn()?;
        let mut service = Self { process, folder, url: String::new() };
        let output = service.process.stdout.take().ok_or("the service says nothing")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some((_, address)) = line.rsplit_once(' ').filter(|_| service.url.is_empty()) {
                service.url = address.to_owned();
            }
            if line.contains("Ctrl-C") {
                return Ok(service);
            }
        }
        Err("the service did not start".into())
    }

    /// Sends a request. Answers the milliseconds that the service says, and its answer.
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(Option<f64>, Value), Failure> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json");
        let agent = ureq::Agent::new_with_defaults();
        let mut response = match body {
            Some(body) => agent.run(request.body(body.to_string())?)?,
            None => agent.run(request.body(())?)?,
        };
        let timing = response.headers().get("server-timing").and_then(|value| value.to_str().ok());
        let timing = timing.and_then(|text| text.strip_prefix("check;dur=")?.parse().ok());
        let answer = response.body_mut().with_config().limit(64 * 1024 * 1024).read_to_vec()?;
        Ok((timing, serde_json::from_slice(&answer)?))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing is left to do where even this fails.
        _ = self.process.kill();
        _ = self.process.wait();
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// A conference of five days with forty rooms, ten sessions a room and day, each with a panel. Some sessions run into
/// the next, speakers are spread so that some are in two places, and a tenth of the texts lacks a language.
fn agenda() -> Value {
    let text = |text: &str, lacks: bool| {
        if lacks { json!({ "en": text }) } else { json!({ "en": text, "fr": text, "nl": text }) }
    };
    let rooms: Vec<_> = (0..ROOMS)
        .map(|room| json!({ "code": format!("room-{room}"), "name": text("Room", false), "capacity": 100 }))
        .collect();
    let speakers: Vec<_> = (0..SPEAKERS)
        .map(|speaker| {
            json!({ "code": format!("speaker-{speaker}"), "given_name": "Ada", "family_name": "Example",
                "position": text("Professor", speaker.is_multiple_of(10)) })
        })
        .collect();
    let sessions: Vec<_> = (0..DAYS * ROOMS * SESSIONS_A_DAY).map(|number| session(number, &text)).collect();
    json!({
        "conference": {
            "slug": "large", "name": text("Large", false), "starts_on": "2030-05-01", "ends_on": "2030-05-05",
            "time_zone": "Europe/Brussels", "languages": ["en", "fr", "nl"]
        },
        "rooms": rooms, "speakers": speakers, "sessions": sessions
    })
}

fn session(number: usize, text: &impl Fn(&str, bool) -> Value) -> Value {
    let (day, room, hour) =
        (number / (ROOMS * SESSIONS_A_DAY), number / SESSIONS_A_DAY % ROOMS, number % SESSIONS_A_DAY);
    let minutes = if number % 20 == 7 { 15 } else { 0 };
    let appears = |offset: usize, role: &str| json!({ "speaker": format!("speaker-{}", (number * 7 + offset * 131) % SPEAKERS), "role": role });
    json!({
        "code": format!("session-{number}"), "kind": "thematic", "title": text("Session", number.is_multiple_of(10)),
        "abstract": text("What it is about.", false),
        "starts_at": format!("2030-05-0{}T{:02}:00", day + 1, 8 + hour),
        "ends_at": format!("2030-05-0{}T{:02}:{minutes:02}", day + 1, 9 + hour),
        "room": format!("room-{room}"), "seats": 80,
        "appearances": [appears(0, "chair")],
        "items": [
            { "code": format!("keynote-{number}"), "kind": "keynote", "title": text("Keynote", false),
              "time_limit_minutes": 20, "appearances": [appears(1, "keynote_speaker")] },
            { "code": format!("panel-{number}"), "kind": "panel", "title": text("Panel", number % 10 == 1),
              "time_limit_minutes": 40,
              "appearances": [appears(2, "moderator"), appears(3, "panellist"), appears(4, "panellist")] }
        ]
    })
}

/// A session as the peer sees it: everything is a number.
struct Slot {
    room: usize,
    speakers: Vec<usize>,
    starts: usize,
    ends: usize,
}

fn slots(agenda: &Value) -> Vec<Slot> {
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    // The digits of `room-7` are its number; those of the wall times of one zone are in the order of time.
    let digits = |value: &Value, key: &str| -> usize {
        let text = value.get(key).and_then(Value::as_str).unwrap_or_default();
        text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or_default()
    };
    let slot = |session: &Value| {
        let mut appearances = list(session, "appearances");
        appearances.extend(list(session, "items").iter().flat_map(|item| list(item, "appearances")));
        let mut speakers: Vec<_> = appearances.iter().map(|appearance| digits(appearance, "speaker")).collect();
        speakers.sort_unstable();
        speakers.dedup();
        Slot {
            room: digits(session, "room"),
            speakers,
            starts: digits(session, "starts_at"),
            ends: digits(session, "ends_at"),
        }
    };
    list(agenda, "sessions").iter().map(slot).collect()
}

/// How many rooms and speakers are booked twice: each session is held against every later one.
fn all_pairs(slots: &[Slot]) -> usize {
    let mut found = 0;
    for (place, one) in slots.iter().enumerate() {
        for other in slots.iter().skip(place + 1) {
            if one.starts < other.ends && other.starts < one.ends {
                let shared = one.speakers.iter().filter(|speaker| other.speakers.contains(speaker));
                found += usize::from(one.room == other.room) + shared.count();
            }
        }
    }
    found
}
