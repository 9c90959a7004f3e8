//! The checks as queries. Each is one statement over whole tables, in SQL that both stores understand, so a million
//! registrations take seconds. The statements embed only our own words and a slug, which need no escaping.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{prelude::*, sql_query, sql_types};

use super::{Check, FINDINGS_MAX, Finding, model};
use crate::{
    database::{Connection, DatabaseError, on_backend},
    values::Code,
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    conference: String,
    #[diesel(sql_type = sql_types::Text)]
    subject: String,
    #[diesel(sql_type = sql_types::Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// A check: its name, the table whose rows it counts, and the statement that finds violations. A finding has the
/// columns `conference_id`, `subject` and `detail`.
struct CheckQuery {
    name: &'static str,
    counted_table: &'static str,
    findings: String,
}

const LIVE: &str = "('unverified', 'pending', 'confirmed', 'waitlisted')";
const HOLDS_SEAT: &str = "(state = 'confirmed' OR (state = 'waitlisted' AND offer_expires_at IS NOT NULL))";

/// SQL for a detail that compares a stored number with the counted one.
fn difference(stored: &str, counted: &str) -> String {
    format!("'is ' || CAST({stored} AS text) || ', the count is ' || CAST({counted} AS text)")
}

fn queries(since: &str, over: &[Code], now: DateTime<Utc>) -> Vec<CheckQuery> {
    let mut queries = seats();
    queries.extend(waiting(over, now));
    queries.extend(members_and_uses());
    queries.extend(registrations());
    queries.extend(histories(since));
    queries
}

fn seats() -> Vec<CheckQuery> {
    let counted = "coalesce(held.n, 0) + coalesce(reserved.n, 0)";
    let held = |column: &str| {
        format!(
            "LEFT JOIN (SELECT {column} AS k, count(*) AS n FROM registrations WHERE {HOLDS_SEAT} GROUP BY {column}) held"
        )
    };
    // Seats reserved by an invitation count in its category, also after its end while registrations may use them.
    let reserved = |column: &str| {
        format!(
            "LEFT JOIN (SELECT {column} AS k, CAST(sum(seats_reserved) AS bigint) AS n FROM invitations \
             WHERE category_id IS NOT NULL GROUP BY {column}) reserved"
        )
    };
    let detail = difference("t.seats_taken", counted);
    vec![
        CheckQuery {
            name: "seats of the conference",
            counted_table: "registration_setups",
            findings: format!(
                "SELECT t.conference_id, 'seats_taken' AS subject, {detail} AS detail FROM registration_setups t \
                 {} ON held.k = t.conference_id {} ON reserved.k = t.conference_id WHERE t.seats_taken <> {counted}",
                held("conference_id"),
                reserved("conference_id")
            ),
        },
        CheckQuery {
            name: "seats of categories",
            counted_table: "categories",
            findings: format!(
                "SELECT t.conference_id, 'category ' || t.code AS subject, {detail} AS detail FROM categories t \
                 {} ON held.k = t.id {} ON reserved.k = t.id WHERE t.seats_taken <> {counted}",
                held("category_id"),
                reserved("category_id")
            ),
        },
        CheckQuery {
            name: "seats of sessions",
            counted_table: "session_quotas",
            findings: format!(
                "SELECT t.conference_id, 'session ' || coalesce(s.code, CAST(t.session_id AS text)) AS subject, \
                 {} AS detail FROM session_quotas t LEFT JOIN sessions s ON s.id = t.session_id \
                 LEFT JOIN (SELECT session_id AS k, count(*) AS n FROM session_sign_ups WHERE state = 'confirmed' \
                 GROUP BY session_id) held ON held.k = t.session_id WHERE t.seats_taken <> coalesce(held.n, 0)",
                difference("t.seats_taken", "coalesce(held.n, 0)")
            ),
        },
        CheckQuery {
            name: "no more seats taken than there are",
            counted_table: "registration_setups",
            findings:
                "SELECT conference_id, 'the conference' AS subject, 'more seats are taken than there are' AS detail \
                       FROM registration_setups WHERE seats_taken > seats \
                       UNION ALL SELECT conference_id, 'category ' || code, 'more seats are taken than there are' \
                       FROM categories WHERE seats_taken > seats \
                       UNION ALL SELECT conference_id, 'session ' || CAST(session_id AS text), \
                       'more seats are taken than there are' FROM session_quotas WHERE seats_taken > seats"
                    .to_owned(),
        },
    ]
}

/// When a conference or a session is over, seats that become free are given to nobody.
fn waiting(over: &[Code], now: DateTime<Utc>) -> Vec<CheckQuery> {
    let over: Vec<String> = over.iter().map(|slug| format!("'{slug}'")).collect();
    let is_not_over = match over.is_empty() {
        true => String::new(),
        false => {
            format!("AND r.conference_id NOT IN (SELECT id FROM conferences WHERE slug IN ({}))", over.join(", "))
        }
    };
    // The fixed form of instants in SQLite, which PostgreSQL reads, too.
    let now = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    vec![
        CheckQuery {
            name: "nobody waits while a seat is free",
            counted_table: "categories",
            findings: format!(
                "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                 'waits while there is a seat in category ' || c.code AS detail \
                 FROM registrations r JOIN categories c ON c.id = r.category_id \
                 JOIN registration_setups s ON s.conference_id = r.conference_id \
                 WHERE r.state = 'waitlisted' AND r.offer_expires_at IS NULL \
                 AND (c.seats IS NULL OR c.seats_taken < c.seats) \
                 AND (s.seats IS NULL OR s.seats_taken < s.seats) {is_not_over}"
            ),
        },
        CheckQuery {
            name: "nobody waits for a session that has a seat",
            counted_table: "session_quotas",
            findings: format!(
                "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                 'waits while there is a seat in session ' || coalesce(s.code, CAST(q.session_id AS text)) \
                 AS detail FROM session_quotas q JOIN session_sign_ups u ON u.session_id = q.session_id \
                 JOIN registrations r ON r.id = u.registration_id LEFT JOIN sessions s ON s.id = q.session_id \
                 JOIN registration_setups form ON form.conference_id = r.conference_id \
                 WHERE u.state = 'waitlisted' AND (q.seats IS NULL OR q.seats_taken < q.seats) \
                 AND (form.open_after_end OR s.ends_at IS NULL OR s.ends_at > '{now}') {is_not_over}"
            ),
        },
        CheckQuery {
            name: "sign-ups of confirmed registrations have a seat or wait for one",
            counted_table: "session_sign_ups",
            findings: "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                       'is ' || r.state || ' and ' || u.state || ' in a session' AS detail \
                       FROM session_sign_ups u JOIN registrations r ON r.id = u.registration_id \
                       WHERE (r.state = 'confirmed') <> (u.state <> 'wished')"
                .to_owned(),
        },
        CheckQuery {
            name: "only waiting registrations have an offer",
            counted_table: "registrations",
            findings:
                "SELECT conference_id, 'registration ' || reference AS subject, 'is ' || state || ' and has an offer' \
                       AS detail FROM registrations WHERE offer_expires_at IS NOT NULL AND state <> 'waitlisted'"
                    .to_owned(),
        },
    ]
}

fn members_and_uses() -> Vec<CheckQuery> {
    let counted = "coalesce(c.n, 0)";
    vec![
        CheckQuery {
            name: "reserved seats can be used",
            counted_table: "invitations",
            findings: "SELECT t.conference_id, 'invitation ' || t.label AS subject, \
                       'reserves seats that nobody can use' AS detail FROM invitations t \
                       LEFT JOIN (SELECT invitation_id AS k, category_id AS c, count(*) AS n FROM registrations \
                       WHERE state IN ('unverified', 'pending') GROUP BY invitation_id, category_id) under_way \
                       ON under_way.k = t.id AND under_way.c = t.category_id WHERE t.seats_reserved > 0 \
                       AND (t.category_id IS NULL OR ((t.ended_at IS NOT NULL OR t.uses_max IS NOT NULL) \
                       AND t.seats_reserved \
                       > coalesce(under_way.n, 0) + CASE WHEN t.ended_at IS NULL THEN t.uses_max - t.uses ELSE 0 END))"
                .to_owned(),
        },
        CheckQuery {
            name: "members of delegations",
            counted_table: "delegations",
            findings: format!(
                "SELECT t.conference_id, 'delegation ' || t.code AS subject, {} AS detail FROM delegations t \
                 LEFT JOIN (SELECT m.delegation_id AS k, count(*) AS n FROM delegation_members m \
                 JOIN registrations r ON r.id = m.registration_id WHERE r.state IN {LIVE} GROUP BY m.delegation_id) c \
                 ON c.k = t.id WHERE t.members <> {counted}",
                difference("t.members", counted)
            ),
        },
        CheckQuery {
            name: "quotas of delegations",
            counted_table: "delegations",
            findings:
                "SELECT conference_id, 'delegation ' || code AS subject, 'has more members than its quota' AS detail \
                       FROM delegations WHERE members > quota"
                    .to_owned(),
        },
        CheckQuery {
            name: "uses of invitations",
            counted_table: "invitations",
            findings: format!(
                "SELECT t.conference_id, 'invitation ' || t.label AS subject, {} AS detail FROM invitations t \
                 LEFT JOIN (SELECT invitation_id AS k, count(*) AS n FROM registrations \
                 WHERE invitation_id IS NOT NULL GROUP BY invitation_id) c ON c.k = t.id WHERE t.uses <> {counted} OR t.uses > t.uses_max",
                difference("t.uses", counted)
            ),
        },
    ]
}

fn registrations() -> Vec<CheckQuery> {
    vec![
        CheckQuery {
            name: "one live registration per address",
            counted_table: "registrations",
            findings: format!(
                "SELECT conference_id, 'registration ' || min(reference) AS subject, \
                 'shares its address with ' || CAST(count(*) - 1 AS text) || ' other live ones' AS detail \
                 FROM registrations WHERE state IN {LIVE} AND NOT shares_mailbox AND email_folded IS NOT NULL \
                 GROUP BY conference_id, email_folded HAVING count(*) > 1"
            ),
        },
        CheckQuery {
            name: "one live registration per person of a shared address",
            counted_table: "registrations",
            findings: format!(
                "SELECT conference_id, 'registration ' || min(reference) AS subject, 'has address and name of ' || \
                 CAST(count(*) - 1 AS text) || ' other live ones' AS detail FROM registrations WHERE state IN {LIVE} \
                 AND email_folded IS NOT NULL GROUP BY conference_id, email_folded, name_folded \
                 HAVING count(*) > 1 AND max(CASE WHEN shares_mailbox THEN 1 ELSE 0 END) = 1"
            ),
        },
        CheckQuery {
            name: "each privacy notice that somebody consented to is kept",
            counted_table: "registrations",
            findings: "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                       'names version ' || CAST(r.privacy_notice_version AS text) || ' of the privacy notice' \
                       AS detail \
                       FROM registrations r LEFT JOIN privacy_notices n ON n.conference_id = r.conference_id \
                       AND n.version = r.privacy_notice_version \
                       WHERE r.privacy_notice_version IS NOT NULL AND n.version IS NULL"
                .to_owned(),
        },
        CheckQuery {
            name: "arrival numbers are unique",
            counted_table: "registrations",
            findings: "SELECT conference_id, 'registration ' || min(reference) AS subject, \
                       'has the arrival ' || CAST(arrival AS text) || ' of another' AS detail \
                       FROM registrations GROUP BY conference_id, arrival HAVING count(*) > 1"
                .to_owned(),
        },
        CheckQuery {
            name: "category and invitation are of the same conference",
            counted_table: "registrations",
            findings: "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                       'has a category or an invitation that is not the conference''s' AS detail FROM registrations r \
                       LEFT JOIN categories k ON k.id = r.category_id AND k.conference_id = r.conference_id \
                       LEFT JOIN invitations i ON i.id = r.invitation_id AND i.conference_id = r.conference_id \
                       WHERE k.id IS NULL OR (r.invitation_id IS NOT NULL AND i.id IS NULL)"
                .to_owned(),
        },
        CheckQuery {
            name: "nothing that was entered outlives its verification",
            counted_table: "registrations",
            findings: "SELECT conference_id, 'registration ' || reference AS subject, \
                       'has expired and still has what was entered' AS detail \
                       FROM registrations WHERE state = 'expired' AND erased_at IS NULL"
                .to_owned(),
        },
        CheckQuery {
            name: "the last arrival",
            counted_table: "registration_setups",
            findings: "SELECT t.conference_id, 'last_arrival' AS subject, 'is ' || CAST(t.last_arrival AS text) || \
                       ', the latest is ' || CAST(m.n AS text) AS detail FROM registration_setups t \
                       JOIN (SELECT conference_id AS k, max(arrival) AS n FROM (\
                       SELECT conference_id, arrival FROM registrations UNION ALL \
                       SELECT r.conference_id, u.arrival FROM session_sign_ups u \
                       JOIN registrations r ON r.id = u.registration_id) a GROUP BY conference_id) m \
                       ON m.k = t.conference_id WHERE t.last_arrival < m.n"
                .to_owned(),
        },
        CheckQuery {
            name: "the last entry of the check-in record",
            counted_table: "check_in_counters",
            findings: "SELECT t.conference_id, 'last_sequence' AS subject, 'is ' || CAST(t.last_sequence AS text) || \
                       ', the latest is ' || CAST(m.n AS text) AS detail FROM check_in_counters t \
                       JOIN (SELECT conference_id AS k, max(sequence) AS n FROM check_ins GROUP BY conference_id) m \
                       ON m.k = t.conference_id WHERE t.last_sequence < m.n"
                .to_owned(),
        },
        CheckQuery {
            name: "only live registrations are signed up for sessions",
            counted_table: "session_sign_ups",
            findings: format!(
                "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                 'is ' || r.state || ' and signed up for a session' AS detail FROM session_sign_ups u \
                 JOIN registrations r ON r.id = u.registration_id WHERE r.state NOT IN {LIVE}"
            ),
        },
    ]
}

/// `since` is the condition that an event `e` was made by a version whose letters name their events.
fn histories(since: &str) -> Vec<CheckQuery> {
    let quoted = |words: Vec<String>| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let steps = quoted(model::steps());
    let letters = model::letters();
    let causes = quoted(letters.iter().map(|(step, _)| step.clone()).collect());
    let kinds = quoted(letters.iter().map(|(step, kind)| format!("{step}>{}", kind.as_str())).collect());
    vec![
        CheckQuery {
            name: "the status is that of the latest event",
            counted_table: "registrations",
            findings: "SELECT r.conference_id, 'registration ' || r.reference AS subject, 'is ' || r.state || \
                       ', its history ends with ' || coalesce(e.state, 'nothing') AS detail FROM registrations r \
                       LEFT JOIN (SELECT registration_id, state, \
                       row_number() OVER (PARTITION BY registration_id ORDER BY sequence DESC) AS place \
                       FROM registration_events) e ON e.registration_id = r.id AND e.place = 1 \
                       WHERE e.state IS NULL OR e.state <> r.state"
                .to_owned(),
        },
        CheckQuery {
            name: "histories follow the status transitions",
            counted_table: "registration_events",
            findings: format!(
                "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                 'went from ' || coalesce(e.earlier, 'nothing') || ' to ' || e.state || ' by ' || e.event AS detail \
                 FROM (SELECT registration_id, event, state, \
                 lag(state) OVER (PARTITION BY registration_id ORDER BY sequence) AS earlier \
                 FROM registration_events) e \
                 JOIN registrations r ON r.id = e.registration_id \
                 WHERE coalesce(e.earlier, '') || '>' || e.event || '>' || e.state NOT IN ({steps})"
            ),
        },
        CheckQuery {
            name: "histories do not go back in time",
            counted_table: "registration_events",
            findings: "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                       'has an instant of ' || e.event || ' before the one of the event before' AS detail \
                       FROM (SELECT registration_id, event, at, \
                       lag(at) OVER (PARTITION BY registration_id ORDER BY sequence) AS earlier \
                       FROM registration_events) e JOIN registrations r ON r.id = e.registration_id \
                       WHERE e.at < e.earlier"
                .to_owned(),
        },
        CheckQuery {
            name: "the last event",
            counted_table: "registration_setups",
            findings: "SELECT t.conference_id, 'last_event' AS subject, 'is ' || CAST(t.last_event AS text) || \
                       ', the latest is ' || CAST(m.n AS text) AS detail FROM registration_setups t \
                       JOIN (SELECT conference_id AS k, max(sequence) AS n FROM registration_events \
                       GROUP BY conference_id) m ON m.k = t.conference_id WHERE t.last_event < m.n"
                .to_owned(),
        },
        CheckQuery {
            name: "each event has its letter",
            counted_table: "registration_events",
            findings: format!(
                "SELECT r.conference_id, 'registration ' || r.reference AS subject, \
                 'has no letter about ' || e.event AS detail \
                 FROM registration_events e JOIN registrations r ON r.id = e.registration_id \
                 LEFT JOIN outbox_messages m ON m.event_id = e.id WHERE m.id IS NULL AND {since} \
                 AND e.event || '>' || e.state IN ({causes}) AND (e.detail ->> 'merged_into') IS NULL \
                 AND (e.detail ->> 'without_letter') IS NULL"
            ),
        },
        CheckQuery {
            name: "each letter has its event",
            counted_table: "outbox_messages",
            findings: format!(
                "SELECT m.conference_id, 'letter ' || m.kind AS subject, coalesce('registration ' || r.reference || \
                 ' has none for ' || e.event, 'is about an event that did not happen') AS detail \
                 FROM outbox_messages m LEFT JOIN registration_events e ON e.id = m.event_id \
                 LEFT JOIN registrations r ON r.id = e.registration_id WHERE m.event_id IS NOT NULL \
                 AND (e.id IS NULL OR e.event || '>' || e.state || '>' || m.kind NOT IN ({kinds}) \
                 OR (e.detail ->> 'merged_into') IS NOT NULL)"
            ),
        },
    ]
}

/// Runs every check, for one conference or for all.
/// `over` has the conferences that are over, and registration with them.
pub fn checks(
    connection: &mut Connection,
    conference: Option<&Code>,
    over: &[Code],
    now: DateTime<Utc>,
) -> Result<Vec<Check>, DatabaseError> {
    // Letters of versions before this migration do not name their events.
    let since = match connection {
        Connection::Postgresql(_) => {
            "e.at >= (SELECT run_on FROM __diesel_schema_migrations WHERE version = '20261124300000')"
        }
        Connection::Sqlite(_) => {
            "e.at >= (SELECT replace(run_on, ' ', 'T') FROM __diesel_schema_migrations WHERE version = '20261124300000')"
        }
    };
    let condition = conference_condition(conference);
    queries(since, over, now).into_iter().map(|query| check(connection, query, &condition)).collect()
}

/// Number of rows of a table, of one conference or of all.
pub fn count_of(connection: &mut Connection, table: &str, conference: Option<&Code>) -> Result<i64, DatabaseError> {
    let count = count(table, &conference_condition(conference));
    let counted: Count = on_backend!(connection, inner => sql_query(count).get_result(inner))?;
    Ok(counted.n)
}

/// SQL condition for one conference `c`; empty for all.
fn conference_condition(conference: Option<&Code>) -> String {
    conference.map_or_else(String::new, |slug| format!("AND c.slug = '{slug}'"))
}

fn check(
    connection: &mut Connection,
    CheckQuery { name, counted_table, findings }: CheckQuery,
    conference_condition: &str,
) -> Result<Check, DatabaseError> {
    let count = count(counted_table, conference_condition);
    let findings = format!(
        "SELECT c.slug AS conference, f.subject AS subject, f.detail AS detail FROM ({findings}) f \
         JOIN conferences c ON c.id = f.conference_id WHERE true {conference_condition} \
         ORDER BY c.slug, f.subject, f.detail LIMIT {}",
        FINDINGS_MAX + 1
    );
    let counted: Count = on_backend!(connection, inner => sql_query(count).get_result(inner))?;
    let mut rows: Vec<Row> = on_backend!(connection, inner => sql_query(findings).load(inner))?;
    let more = rows.len() > FINDINGS_MAX;
    rows.truncate(FINDINGS_MAX);
    let finding = |row: Row| Finding { conference: row.conference, subject: row.subject, detail: row.detail };
    Ok(Check { name, checked: counted.n, findings: rows.into_iter().map(finding).collect(), more })
}

/// SQL that counts the rows of a table.
fn count(table: &str, conference_condition: &str) -> String {
    let joins = match (table, conference_condition) {
        ("registration_events" | "session_sign_ups", condition) if !condition.is_empty() => {
            "JOIN registrations r ON r.id = t.registration_id JOIN conferences c ON c.id = r.conference_id"
        }
        (_, "") => "",
        _ => "JOIN conferences c ON c.id = t.conference_id",
    };
    format!("SELECT count(*) AS n FROM {table} t {joins} WHERE true {conference_condition}")
}
