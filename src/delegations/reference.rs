//! The Member States of the United Nations, compiled in from `config/reference/member-states.csv`. The README beside
//! that file names the source.

use std::sync::LazyLock;

use serde::Serialize;
use utoipa::ToSchema;

use super::RegionalGroup;
use crate::values::{CountryCode, Localised, TextValue as _};

/// A Member State of the United Nations.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemberState {
    /// ISO 3166-1 alpha-2 code.
    pub country: CountryCode,
    /// ISO 3166-1 alpha-3 code.
    pub alpha_3: &'static str,
    /// Short name, in English and French.
    pub name: Localised,
    /// Regional group for elections.
    pub regional_group: RegionalGroup,
    /// Second regional group in which the State takes part; null if none.
    pub also_in: Option<RegionalGroup>,
}

const TABLE: &str = include_str!("../../config/reference/member-states.csv");

/// Every Member State, in the order of the alpha-2 codes.
pub fn member_states() -> &'static [MemberState] {
    static STATES: LazyLock<Vec<MemberState>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(read).collect());
    &STATES
}

/// One line of the table. No cell contains a comma.
fn read(line: &'static str) -> Option<MemberState> {
    let cells: Vec<&'static str> = line.split(',').collect();
    let [country, alpha_3, english, french, group, also_in] = cells.try_into().ok()?;
    Some(MemberState {
        country: CountryCode::parse(country).ok()?,
        alpha_3,
        name: Localised::of([("en", english), ("fr", french)].map(|(tag, name)| (tag.to_owned(), name.to_owned()))),
        regional_group: RegionalGroup::from_text(group)?,
        also_in: RegionalGroup::from_text(also_in),
    })
}

pub fn find(country: &CountryCode) -> Option<&'static MemberState> {
    member_states().iter().find(|state| state.country == *country)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn there_are_193_member_states_with_two_names_and_a_group_each() {
        let states = member_states();
        assert_eq!(TABLE.lines().count(), 194);
        assert_eq!(states.len(), 193);
        for language in ["en", "fr"] {
            let names: BTreeSet<_> = states.iter().map(|state| &state.name.map()[language]).collect();
            assert_eq!(names.len(), 193, "{language}");
            assert!(names.iter().all(|name| name.trim() == name.as_str() && name.len() > 3));
        }
        assert_eq!(states.iter().map(|state| state.alpha_3).collect::<BTreeSet<_>>().len(), 193);
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        states.iter().for_each(|state| *sizes.entry(state.regional_group.as_str()).or_default() += 1);
        // 54 + 54 + 23 + 33 + 29: the groups as the United Nations lists them, with Türkiye in the last.
        let expected = [
            ("african", 54),
            ("asia_pacific", 54),
            ("eastern_european", 23),
            ("latin_american_and_caribbean", 33),
            ("western_european_and_others", 29),
        ];
        assert_eq!(sizes, BTreeMap::from(expected));
    }

    #[test]
    fn states_in_two_groups_and_special_cases_are_as_in_the_source() {
        let state = |country: &str| find(&CountryCode::parse(country).unwrap()).unwrap();
        let groups = |country: &str| (state(country).regional_group, state(country).also_in);
        let others = RegionalGroup::WesternEuropeanAndOthers;
        assert_eq!(groups("TR"), (others, Some(RegionalGroup::AsiaPacific)));
        assert_eq!(groups("IL"), (others, None));
        assert_eq!(groups("US"), (others, None));
        assert_eq!(groups("KI"), (RegionalGroup::AsiaPacific, None));
        assert_eq!(state("NA").alpha_3, "NAM");
        assert_eq!(state("CI").name.map()["fr"], "Côte d'Ivoire");
        for no_member in ["VA", "PS", "XK", "TW", "EH"] {
            let country = CountryCode::parse(no_member);
            assert!(country.is_err() || find(&country.unwrap()).is_none(), "{no_member}");
        }
    }
}
