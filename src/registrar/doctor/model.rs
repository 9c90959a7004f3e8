//! The steps that a registration's history may have, computed from the status transitions.

use crate::{
    mail::LetterKind,
    registration::model::{Event, RegistrationStatus},
};

/// Whether `event` may have taken a registration from `before` (`None` for a new one) to `after`.
pub fn is_legal_step(before: Option<RegistrationStatus>, event: Event, after: RegistrationStatus) -> bool {
    let Some(before) = before else {
        return match event {
            Event::Registered => !after.is_final(),
            Event::Imported => {
                matches!(after, RegistrationStatus::Pending | RegistrationStatus::Cancelled) || is_admitted(after)
            }
            _ => false,
        };
    };
    match event {
        Event::Registered | Event::Imported => false,
        Event::Verified => before.verified().is_ok() && (after == RegistrationStatus::Pending || is_admitted(after)),
        Event::Approved => before.approved().is_ok() && is_admitted(after),
        Event::Rejected => before.rejected().is_ok_and(|state| state == after),
        Event::Expired => before.expired().is_ok_and(|state| state == after),
        Event::Promoted | Event::Accepted => before.promoted().is_ok_and(|state| state == after),
        Event::Offered | Event::Lapsed => before == RegistrationStatus::Waitlisted && after == before,
        Event::Cancelled => before.cancelled().is_ok_and(|state| state == after),
        Event::Revoked => before.revoked().is_ok_and(|state| state == after),
        // The other category may have no seat, or require approval.
        Event::Moved => {
            !before.is_final()
                && !after.is_final()
                && (before == RegistrationStatus::Unverified) == (after == RegistrationStatus::Unverified)
        }
        Event::Seated => before == RegistrationStatus::Confirmed && after == before,
        Event::Changed | Event::SessionsChanged => !before.is_final() && after == before,
        Event::Merged => {
            RegistrationStatus::LIVE.iter().any(|other| before.merged(*other).is_ok_and(|state| state == Some(after)))
        }
        Event::LinkRenewed => after == before,
    }
}

fn is_admitted(state: RegistrationStatus) -> bool {
    let admitted = |has_seat| RegistrationStatus::admitted(false, has_seat, true);
    [admitted(true), admitted(false)].contains(&Some(state))
}

/// Every combination of event and status.
fn events_and_statuses() -> impl Iterator<Item = (Event, RegistrationStatus)> {
    let statuses = || RegistrationStatus::ALL.into_iter();
    Event::ALL.into_iter().flat_map(move |event| statuses().map(move |status| (event, status)))
}

/// Every step that a history may have, as `before>event>after`.
pub fn steps() -> Vec<String> {
    let before = || RegistrationStatus::ALL.into_iter().map(Some).chain([None]);
    let steps = |(event, after): (Event, RegistrationStatus)| {
        let legal = before().filter(move |before| is_legal_step(*before, event, after));
        legal.map(move |before| format!("{}>{event}>{after}", before.map_or("", RegistrationStatus::as_str)))
    };
    events_and_statuses().flat_map(steps).collect()
}

/// Every event that causes a letter, as `event>status`, with the letter.
pub fn letters() -> Vec<(String, LetterKind)> {
    let letter = |(event, state): (Event, RegistrationStatus)| Some((format!("{event}>{state}"), event.letter(state)?));
    events_and_statuses().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_has_only_steps_of_the_table_of_states() {
        let steps = steps();
        let is_legal = |step: &str| steps.iter().any(|legal| legal == step);
        let legal = [
            ">registered>unverified",
            ">imported>cancelled",
            "unverified>verified>waitlisted",
            "pending>approved>confirmed",
            "waitlisted>offered>waitlisted",
            "waitlisted>rejected>rejected",
            "waitlisted>merged>confirmed",
            "confirmed>revoked>revoked",
            "cancelled>link_renewed>cancelled",
        ];
        let illegal = [
            ">cancelled>cancelled",
            ">registered>cancelled",
            ">imported>unverified",
            "cancelled>promoted>confirmed",
            "pending>verified>confirmed",
            "confirmed>promoted>confirmed",
            "unverified>merged>confirmed",
            "confirmed>changed>waitlisted",
        ];
        assert_eq!(legal.iter().filter(|step| !is_legal(step)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(illegal.iter().filter(|step| is_legal(step)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}
