//! Who leads: a panel has a moderator, a session has a chair.

use super::conflict::{Conflict, ConflictCode, Findings, Thing};
use crate::agenda::document::{Agenda, Appearance, AppearanceRole, Item, ItemKind, Session, SessionKind};

/// Reports panels without a moderator, and sessions without a chair.
pub fn check(agenda: &Agenda, findings: &mut Findings) {
    for (index, session) in agenda.sessions.iter().enumerate() {
        for (inner, item) in session.items.iter().enumerate() {
            if item.kind == ItemKind::Panel && !has_moderator(session, item) {
                findings.add(ConflictCode::MissingModerator, || missing_moderator(index, session, inner, item));
            }
        }
        if !has_chair(session) {
            findings.add(ConflictCode::MissingChair, || missing_chair(index, session));
        }
    }
}

fn leads(appearance: &Appearance) -> bool {
    matches!(appearance.role, AppearanceRole::Chair | AppearanceRole::Moderator)
}

/// A panel is led by its own chair or moderator, or by the moderator of the whole session.
fn has_moderator(session: &Session, item: &Item) -> bool {
    item.appearances.iter().any(leads)
        || session.appearances.iter().any(|appearance| appearance.role == AppearanceRole::Moderator)
}

/// Thematic and high-level sessions need a chair or moderator of their own. In a thematic session the leader of one of
/// its items is enough; where ministers speak, someone must give them the floor.
fn has_chair(session: &Session) -> bool {
    let has_own_leader = session.appearances.iter().any(leads);
    match session.kind {
        SessionKind::HighLevelPolitical => has_own_leader,
        SessionKind::Thematic => has_own_leader || session.items.iter().flat_map(|item| &item.appearances).any(leads),
        _ => true,
    }
}

fn missing_moderator(index: usize, session: &Session, inner: usize, item: &Item) -> Conflict {
    let pointer = format!("#/sessions/{index}/items/{inner}/appearances");
    let detail = format!("panel {} has no moderator", item.code);
    let others = vec![Thing::session(&session.code)];
    Conflict::of(ConflictCode::MissingModerator, Thing::item(&item.code), pointer, detail, others)
}

fn missing_chair(index: usize, session: &Session) -> Conflict {
    let pointer = format!("#/sessions/{index}/appearances");
    let detail = format!("session {} has no chair", session.code);
    Conflict::of(ConflictCode::MissingChair, Thing::session(&session.code), pointer, detail, Vec::new())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::agenda::checks::sample::{agenda, conflicts_with_code, session};

    /// Conflicts of a session of this kind with one panel, by the role of the session's and of the panel's speaker.
    fn conflicts_of(kind: &str, session_role: Option<&str>, panel_role: Option<&str>) -> [Vec<String>; 2] {
        let appears = |role: Option<&str>| -> Value {
            role.map_or_else(|| json!([]), |role| json!([{ "speaker": "ada", "role": role }]))
        };
        let mut node = session("a", "2030-05-01T09:00", "2030-05-01T10:00");
        node["kind"] = json!(kind);
        node["appearances"] = appears(session_role);
        node["items"] = json!([{ "code": "p", "kind": "panel", "title": "P", "appearances": appears(panel_role) }]);
        let agenda = agenda(&[node]);
        [conflicts_with_code(&agenda, "missing_moderator"), conflicts_with_code(&agenda, "missing_chair")]
    }

    #[test]
    fn a_panel_has_a_moderator_and_a_session_a_chair() {
        let panel = vec!["#/sessions/0/items/0/appearances p a".to_owned()];
        let chair = vec!["#/sessions/0/appearances a".to_owned()];
        let nothing = Vec::new();
        assert_eq!(conflicts_of("thematic", None, None), [panel.clone(), chair.clone()]);
        assert_eq!(conflicts_of("thematic", None, Some("panellist")), [panel.clone(), chair.clone()]);
        assert_eq!(conflicts_of("thematic", None, Some("moderator")), [nothing.clone(), nothing.clone()]);
        assert_eq!(conflicts_of("thematic", None, Some("chair")), [nothing.clone(), nothing.clone()]);
        assert_eq!(conflicts_of("thematic", Some("moderator"), None), [nothing.clone(), nothing.clone()]);
        assert_eq!(conflicts_of("thematic", Some("chair"), None), [panel.clone(), nothing.clone()]);
        assert_eq!(conflicts_of("high_level_political", None, Some("moderator")), [nothing.clone(), chair]);
        assert_eq!(
            conflicts_of("high_level_political", Some("chair"), Some("moderator")),
            [nothing.clone(), nothing.clone()]
        );
        assert_eq!(conflicts_of("parallel", None, None), [panel, nothing]);
    }
}
