//! A restored release does not show what the current draft hides more strictly than the old release did.

use std::{cmp::Ordering, collections::HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::audit::ResourceKind,
    agenda::{Agenda, document::Visibility, model::utc},
    values::{Code, LocalOrInstant},
};

/// Something that stays hidden although the earlier release showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeptHidden {
    /// Kind of thing: `speaker`, `session` or `item`.
    pub resource: ResourceKind,
    /// Its code in the new release.
    pub code: Code,
}

/// Who may see a thing, as organisers set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Protection {
    visibility: Visibility,
    public_from: Option<LocalOrInstant>,
}

impl Protection {
    /// How much it hides at this instant: 0 hides nothing, 3 hides most.
    fn strictness(self, now: DateTime<Utc>) -> u8 {
        match (self.visibility, self.public_from.map(utc)) {
            (_, Some(from)) if from <= now => 0,
            (Visibility::Public, None) => 0,
            (Visibility::Attendees, _) => 1,
            (Visibility::Public, Some(_)) => 2,
            (Visibility::Withheld, _) => 3,
        }
    }

    /// Whether it hides anything that the other shows, now or later while it lasts.
    fn is_stricter(self, other: Self, now: DateTime<Utc>) -> bool {
        match self.strictness(now).cmp(&other.strictness(now)) {
            Ordering::Greater => true,
            _ if self.strictness(now) == 0 => false,
            Ordering::Equal | Ordering::Less => match (self.public_from, other.public_from) {
                (None, Some(_)) => true,
                (Some(own), Some(other)) => utc(own) > utc(other),
                (_, None) => false,
            },
        }
    }

    /// A protection that hides everything that either of the two hides.
    fn combined_with(self, other: Self, now: DateTime<Utc>) -> Self {
        let stricter = if other.strictness(now) > self.strictness(now) { other } else { self };
        let public_from = self.public_from.zip(other.public_from).map(|(a, b)| if utc(a) > utc(b) { a } else { b });
        match (stricter.visibility, public_from) {
            // There is no embargo without an end; `Withheld` hides as long.
            (Visibility::Public, None) => Self { visibility: Visibility::Withheld, public_from },
            (visibility, _) => Self { visibility, public_from },
        }
    }
}

macro_rules! protection {
    ($node:expr) => {
        Protection { visibility: $node.visibility, public_from: $node.public_from }
    };
}

/// Gives the contents of an old agenda the protection that the current draft gives them, where this is stricter. What
/// the draft does not contain stays as it is. Returns what is kept hidden.
pub(super) fn apply_current(old: &mut Agenda, draft: &Agenda, now: DateTime<Utc>) -> Vec<KeptHidden> {
    let speakers: HashMap<_, _> = draft.speakers.iter().map(|node| (node.id, protection!(node))).collect();
    let sessions: HashMap<_, _> = draft.sessions.iter().map(|node| (node.id, protection!(node))).collect();
    let items = draft.sessions.iter().flat_map(|session| session.items.iter().map(move |item| (session, item)));
    let items: HashMap<_, _> =
        items.map(|(session, item)| (item.id, (protection!(item), protection!(session)))).collect();
    let mut kept_hidden = Vec::new();
    macro_rules! protect {
        ($node:expr, $resource:ident, $stricter:expr) => {
            if let Some(Protection { visibility, public_from }) = $stricter {
                ($node.visibility, $node.public_from) = (visibility, public_from);
                kept_hidden.push(KeptHidden { resource: ResourceKind::$resource, code: $node.code.clone() });
            }
        };
    }
    let stricter =
        |draft: Option<&Protection>, old: Protection| draft.copied().filter(|draft| draft.is_stricter(old, now));
    for speaker in &mut old.speakers {
        protect!(speaker, Speaker, stricter(speakers.get(&speaker.id), protection!(speaker)));
    }
    for session in &mut old.sessions {
        protect!(session, Session, stricter(sessions.get(&session.id), protection!(session)));
        let session_protection = protection!(session);
        for item in &mut session.items {
            let Some((draft_item, draft_session)) = items.get(&item.id) else {
                continue;
            };
            let stricter_item = stricter(Some(draft_item), protection!(item));
            let current = stricter_item.unwrap_or(protection!(item));
            // The item was in a session that is hidden today, and hides at least as strictly.
            let of_session = stricter(Some(draft_session), session_protection)
                .filter(|draft_session| draft_session.is_stricter(current, now));
            protect!(
                item,
                Item,
                of_session.map(|draft_session| current.combined_with(draft_session, now)).or(stricter_item)
            );
        }
    }
    kept_hidden
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::ServerSecret,
        agenda::arbitrary,
        programme::visibility::{Audience, project},
    };

    const BEFORE: &str = "2029-12-31T00:00:00Z";
    const SOON: &str = "2030-02-01T00:00:00Z";
    const LATER: &str = "2030-03-01T00:00:00Z";

    fn at() -> DateTime<Utc> {
        arbitrary::AT.parse().unwrap()
    }

    fn protection(visibility: Visibility, from: Option<&str>) -> Protection {
        Protection { visibility, public_from: from.map(|from| LocalOrInstant::Instant(from.parse().unwrap())) }
    }

    #[test]
    fn a_protection_that_hides_more_or_for_longer_is_stricter() {
        use Visibility::{Attendees, Public, Withheld};
        let stricter = |own: (Visibility, Option<&str>), other: (Visibility, Option<&str>)| {
            protection(own.0, own.1).is_stricter(protection(other.0, other.1), at())
        };
        assert!(stricter((Withheld, None), (Attendees, None)));
        assert!(stricter((Public, Some(SOON)), (Public, None)));
        assert!(stricter((Attendees, None), (Public, None)));
        assert!(stricter((Public, Some(LATER)), (Public, Some(SOON))));
        assert!(stricter((Attendees, None), (Withheld, Some(SOON))), "it hides when the other has ended");
        assert!(!stricter((Attendees, None), (Withheld, None)));
        assert!(!stricter((Withheld, Some(BEFORE)), (Public, None)), "it has ended");
        assert!(!stricter((Withheld, None), (Withheld, None)));
    }

    proptest! {
        #[test]
        fn nothing_that_the_draft_hides_is_shown_again(
            mut old in arbitrary::agenda(),
            draft in arbitrary::agenda(),
        ) {
            let projection = |agenda: &Agenda, at| project(agenda, Audience::Public, at, &ServerSecret::of_test());
            apply_current(&mut old, &draft, at());
            prop_assert_eq!(apply_current(&mut old.clone(), &draft, at()), Vec::new());
            let later: DateTime<Utc> = "2030-02-15T00:00:00Z".parse().unwrap();
            for instant in [at(), later] {
                let restored = projection(&old, instant);
                let (restored, projection) = (serde_json::to_string(&restored).unwrap(), projection(&draft, instant));
                let projected_draft = serde_json::to_string(&projection).unwrap();
                let sessions = draft.sessions.iter().map(|node| node.id.unwrap().to_string());
                let items = draft.sessions.iter().flat_map(|session| &session.items);
                for id in sessions.chain(items.map(|node| node.id.unwrap().to_string())) {
                    prop_assert!(projected_draft.contains(&id) || !restored.contains(&id), "{}", id);
                }
            }
        }
    }
}
