//! Times of sessions: they are within the conference, exist in its time zone, and are long enough for the items.

use chrono::{Days, Duration, NaiveDateTime};

use super::{
    AgendaResource,
    conflict::{Conflict, ConflictCode, Findings, Thing},
};
use crate::agenda::{
    document::{Agenda, Session},
    model::instant,
};

/// Hours that a session may go on after the end of the last day: a dinner ends after midnight.
const GRACE_HOURS: i64 = 12;

/// Reports conflicts in the times of sessions.
pub fn check(agenda: &Agenda, findings: &mut Findings) {
    let latest = latest_end(agenda);
    for (index, session) in agenda.sessions.iter().enumerate() {
        check_dates(agenda, latest, index, session, findings);
        check_zone(agenda, index, session, findings);
        check_duration(index, session, findings);
    }
}

/// A conflict at a field of a session.
fn session_conflict(
    code: ConflictCode,
    index: usize,
    session: &Session,
    field: &str,
    detail: String,
    others: Vec<Thing>,
) -> Conflict {
    let pointer = format!("#/sessions/{index}/{field}");
    Conflict::of(code, Thing::session(&session.code), pointer, detail, others)
}

/// The conference as a thing that is involved in a conflict.
fn conference(agenda: &Agenda) -> Thing {
    Thing::new(AgendaResource::Conference, agenda.conference.slug.as_str())
}

/// Wall time until which a session may last: [`GRACE_HOURS`] after the end of the last day.
fn latest_end(agenda: &Agenda) -> Option<NaiveDateTime> {
    let last = agenda.days.iter().max_by_key(|day| day.date)?;
    let ends = last.date.0.and_time(last.changeover?.0).checked_add_days(Days::new(1))?;
    ends.checked_add_signed(Duration::hours(GRACE_HOURS))
}

fn check_dates(
    agenda: &Agenda,
    latest: Option<NaiveDateTime>,
    index: usize,
    session: &Session,
    findings: &mut Findings,
) {
    if agenda.day_of(session).is_none() {
        findings.add(ConflictCode::OutsideConference, || {
            let detail = format!("session {} lies on no day of the conference", session.code);
            session_conflict(
                ConflictCode::OutsideConference,
                index,
                session,
                "starts_at",
                detail,
                vec![conference(agenda)],
            )
        });
    } else if latest.is_some_and(|latest| instant(session.ends_at).naive_local() > latest) {
        findings.add(ConflictCode::OutsideConference, || {
            let detail = format!("session {} ends long after the last day of the conference", session.code);
            session_conflict(
                ConflictCode::OutsideConference,
                index,
                session,
                "ends_at",
                detail,
                vec![conference(agenda)],
            )
        });
    }
}

/// A wall time that the clocks skip or repeat is refused when it is written. A stored time is an instant; it is wrong
/// only if it cannot be written in the conference's time zone.
fn check_zone(agenda: &Agenda, index: usize, session: &Session, findings: &mut Findings) {
    for (field, time) in [("starts_at", session.starts_at), ("ends_at", session.ends_at)] {
        if let Err(error) = time.resolve(agenda.conference.time_zone) {
            findings.add(ConflictCode::ImpossibleTime, || {
                let detail = format!("the {field} of session {} {}", session.code, error.detail);
                session_conflict(ConflictCode::ImpossibleTime, index, session, field, detail, Vec::new())
            });
        }
    }
}

/// Sum of the time limits of a session's items; items without a limit count as 0.
pub fn planned_duration(session: &Session) -> Duration {
    let minutes = session.items.iter().filter_map(|item| item.time_limit_minutes).map(|limit| i64::from(limit.0));
    Duration::minutes(minutes.sum())
}

/// Minutes by which the items of a session exceed it, rounded up; 0 if they fit.
pub fn overrun_minutes(session: &Session) -> i64 {
    let excess = planned_duration(session) - (instant(session.ends_at) - instant(session.starts_at));
    ((excess.num_seconds() + 59) / 60).max(0)
}

fn check_duration(index: usize, session: &Session, findings: &mut Findings) {
    let overrun = overrun_minutes(session);
    if overrun == 0 {
        return;
    }
    findings.add(ConflictCode::ItemsTooLong, || {
        let detail = format!(
            "the items of session {} last {} minutes: {overrun} more than the session",
            session.code,
            planned_duration(session).num_minutes(),
        );
        let limited = session.items.iter().filter(|item| item.time_limit_minutes.is_some());
        let others = limited.map(|item| Thing::new(AgendaResource::Item, item.code.as_str())).collect();
        session_conflict(ConflictCode::ItemsTooLong, index, session, "items", detail, others)
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::agenda::checks::sample::{agenda, conflicts_with_code, session};

    #[test]
    fn a_session_starts_on_a_day_of_the_conference_and_ends_soon_after_the_last() {
        let at =
            |start: &str, end: &str| conflicts_with_code(&agenda(&[session("a", start, end)]), "outside_conference");
        assert_eq!(at("2030-05-01T00:00", "2030-05-01T10:00"), Vec::<String>::new());
        assert_eq!(at("2030-05-02T20:00", "2030-05-03T12:00"), Vec::<String>::new(), "a long night");
        assert_eq!(at("2030-05-02T20:00", "2030-05-03T12:01"), ["#/sessions/0/ends_at a small"]);
        assert_eq!(at("2030-05-03T00:00", "2030-05-03T01:00"), ["#/sessions/0/starts_at a small"]);
        assert_eq!(at("2030-04-30T23:59", "2030-05-01T01:00"), ["#/sessions/0/starts_at a small"]);
    }

    #[test]
    fn items_last_no_longer_than_their_session() {
        let error_details = |limits: [u32; 2]| {
            let mut node = session("a", "2030-05-01T09:00", "2030-05-01T10:00");
            node["items"] = json!([
                { "code": "x", "kind": "keynote", "title": "X", "time_limit_minutes": limits[0] },
                { "code": "y", "kind": "discussion", "title": "Y", "time_limit_minutes": limits[1] },
                { "code": "z", "kind": "discussion", "title": "Z" },
            ]);
            let agenda = agenda(&[node]);
            super::super::errors(&agenda).into_iter().map(|conflict| conflict.detail).collect::<Vec<_>>()
        };
        assert_eq!(error_details([30, 30]), Vec::<String>::new());
        assert_eq!(error_details([31, 30]), ["the items of session a last 61 minutes: 1 more than the session"]);
    }

    #[test]
    fn a_time_that_the_time_zone_cannot_write_is_an_error() {
        let mut agenda = agenda(&[session("a", "2030-05-01T09:00", "2030-05-01T10:00")]);
        let skipped = chrono::NaiveDate::from_ymd_opt(2030, 3, 31).and_then(|date| date.and_hms_opt(2, 30, 0));
        agenda.sessions[0].starts_at = crate::values::LocalOrInstant::Wall(skipped.unwrap());
        assert_eq!(conflicts_with_code(&agenda, "impossible_time"), ["#/sessions/0/starts_at a"]);
    }
}
