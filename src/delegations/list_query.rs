//! The query of a list of delegations: filters, order, and the page that is chosen.

use deserr::Deserr;
use utoipa::IntoParams;

use super::{DelegationKind, RegionalGroup, actions::DelegationDetails};
use crate::{
    agenda::document::Precedence,
    http::paging::Page,
    validation::ValidationErrors,
    values::{LanguageTag, Line, fold, text_enum},
};

text_enum! {
    /// The key by which delegations are sorted; a leading `-` reverses the order.
    DelegationOrder {
        /// By name in the conference's first language.
        Name = "name",
        /// By name, in reverse order.
        NameDescending = "-name",
        /// By number of members, the smallest first.
        Size = "size",
        /// By number of members, the largest first.
        SizeDescending = "-size",
        /// By regional group, then by name; delegations without a group come last.
        RegionalGroup = "regional_group",
        /// By regional group, in reverse order.
        RegionalGroupDescending = "-regional_group",
        /// By the head's class in the order of precedence, heads of State first; delegations without a head come last.
        HeadLevel = "head_level",
        /// By the head's class in the order of precedence, in reverse order.
        HeadLevelDescending = "-head_level",
    }
}

/// Filters, order and page of the list of delegations.
#[derive(Debug, Default, Deserr, IntoParams)]
#[deserr(error = ValidationErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DelegationQuery {
    /// Highest number of delegations on the page, 1 to 200; 50 if left out.
    #[deserr(default)]
    pub limit: Option<String>,
    /// Cursor of the page, as in `next` of the page before; the first page if left out.
    #[deserr(default)]
    pub cursor: Option<String>,
    /// Order of the list; `name` if left out.
    #[deserr(default)]
    pub sort: Option<DelegationOrder>,
    /// Only delegations of this kind.
    #[deserr(default)]
    pub kind: Option<DelegationKind>,
    /// Only delegations of this regional group.
    #[deserr(default)]
    pub regional_group: Option<RegionalGroup>,
    /// Only delegations whose head is of this class in the order of precedence.
    #[deserr(default)]
    pub head_level: Option<Precedence>,
    /// Only delegations whose name (in any language) or code contains this text; case and accents do not matter.
    #[deserr(default)]
    pub name: Option<Line<200>>,
}

impl DelegationQuery {
    fn matches(&self, details: &DelegationDetails) -> bool {
        let delegation = &details.delegation;
        let level = details.head.as_ref().map(|head| head.membership.level);
        let is_named = |text: &Line<200>| {
            let text = fold(text.as_str());
            delegation.code.as_str().contains(&text)
                || delegation.name.map().values().any(|name| fold(name).contains(&text))
        };
        self.kind.is_none_or(|kind| kind == delegation.kind)
            && self.regional_group.is_none_or(|group| Some(group) == delegation.regional_group)
            && self.head_level.is_none_or(|class| Some(class) == level)
            && self.name.as_ref().is_none_or(is_named)
    }

    /// The sort key of a delegation. It ends with the code, so that no two keys are equal.
    fn sort_key(&self, details: &DelegationDetails, languages: &[LanguageTag]) -> String {
        use DelegationOrder as Order;
        let delegation = &details.delegation;
        let first = languages.first().map_or("en", LanguageTag::as_str);
        let name = fold(delegation.name.text(first, languages));
        let first_key = match self.sort.unwrap_or(Order::Name) {
            Order::Name | Order::NameDescending => String::new(),
            Order::Size | Order::SizeDescending => format!("{:020}", delegation.members),
            Order::RegionalGroup | Order::RegionalGroupDescending => {
                // `~` sorts after every group, so that delegations without a group come last.
                delegation.regional_group.map_or("~", RegionalGroup::as_str).to_owned()
            }
            Order::HeadLevel | Order::HeadLevelDescending => {
                let level = details.head.as_ref().map(|head| head.membership.level);
                let rank = Precedence::ALL.iter().position(|ranked| Some(*ranked) == level);
                format!("{:03}", rank.unwrap_or(999))
            }
        };
        format!("{first_key}\n{name}\n{}", delegation.code)
    }

    fn is_descending(&self) -> bool {
        self.sort.is_some_and(|sort| sort.as_str().starts_with('-'))
    }

    /// The requested page, each delegation with its sort key; one more than the limit where another page follows.
    pub fn choose_page(
        &self,
        all: Vec<DelegationDetails>,
        page: &Page,
        languages: &[LanguageTag],
    ) -> Vec<(String, DelegationDetails)> {
        let matching = all.into_iter().filter(|details| self.matches(details));
        let mut keyed: Vec<(String, DelegationDetails)> =
            matching.map(|details| (self.sort_key(&details, languages), details)).collect();
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
        if self.is_descending() {
            keyed.reverse();
        }
        let is_after = |key: &str| match &page.after {
            Some(after) if self.is_descending() => key < after.as_str(),
            Some(after) => key > after.as_str(),
            None => true,
        };
        keyed.retain(|(key, _)| is_after(key));
        keyed.truncate(page.limit.saturating_add(1));
        keyed
    }
}
