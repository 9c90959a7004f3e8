//! Histories, told again by the table of states.

use crate::{
    mail::LetterKind,
    registration::model::{Event, State},
};

/// Whether `event` may have taken a registration from `before` (`None`: it was made) to `after`.
pub fn follows(before: Option<State>, event: Event, after: State) -> bool {
    let Some(before) = before else {
        return match event {
            Event::Registered => !after.is_final(),
            Event::Imported => matches!(after, State::Pending | State::Cancelled) || is_admitted(after),
            _ => false,
        };
    };
    match event {
        Event::Registered | Event::Imported => false,
        Event::Verified => before.verified().is_ok() && (after == State::Pending || is_admitted(after)),
        Event::Approved => before.approved().is_ok() && is_admitted(after),
        Event::Rejected => before.rejected().is_ok_and(|state| state == after),
        Event::Expired => before.expired().is_ok_and(|state| state == after),
        Event::Promoted | Event::Accepted => before.promoted().is_ok_and(|state| state == after),
        Event::Offered | Event::Lapsed => before == State::Waitlisted && after == before,
        Event::Cancelled => before.cancelled().is_ok_and(|state| state == after),
        Event::Revoked => before.revoked().is_ok_and(|state| state == after),
        // Another category may have no seat, or ask for a decision.
        Event::Moved => {
            !before.is_final() && !after.is_final() && (before == State::Unverified) == (after == State::Unverified)
        }
        Event::Seated => before == State::Confirmed && after == before,
        Event::Changed | Event::SessionsChanged => !before.is_final() && after == before,
        Event::Merged => State::LIVE.iter().any(|other| before.merged(*other).is_ok_and(|state| state == after)),
        Event::LinkRenewed => after == before,
    }
}

fn is_admitted(state: State) -> bool {
    let admitted = |seat| State::admitted(false, seat, true);
    [admitted(true), admitted(false)].contains(&Some(state))
}

/// Every event and every state.
fn all() -> impl Iterator<Item = (Event, State)> {
    let events = Event::WORDS.iter().filter_map(|word| Event::from_word(word));
    let states = || State::WORDS.iter().filter_map(|word| State::from_word(word));
    events.flat_map(move |event| states().map(move |state| (event, state)))
}

/// Every step that a history may have, as `before>event>after`.
pub fn steps() -> Vec<String> {
    let before = || State::WORDS.iter().map(|word| State::from_word(word)).chain([None]);
    let of = |(event, after): (Event, State)| {
        let legal = before().filter(move |before| follows(*before, event, after));
        legal.map(move |before| format!("{}>{event}>{after}", before.map_or("", State::as_str)))
    };
    all().flat_map(of).collect()
}

/// Every event that causes a letter, as `event>state`, with the letter.
pub fn letters() -> Vec<(String, LetterKind)> {
    let of = |(event, state): (Event, State)| Some((format!("{event}>{state}"), event.letter(state)?));
    all().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_goes_where_the_table_of_states_lets_it() {
        let steps = steps();
        let is_legal = |step: &str| steps.iter().any(|legal| legal == step);
        let legal = [
            ">registered>unverified",
            ">imported>cancelled",
            "unverified>verified>waitlisted",
            "pending>approved>confirmed",
            "waitlisted>offered>waitlisted",
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
