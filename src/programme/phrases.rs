//! The phrases that the service writes, in its languages: English, French and Dutch.

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate};

use crate::access::audit::ResourceKind;

/// A language in which the service itself writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrases {
    English,
    French,
    Dutch,
}

use Phrases::{Dutch, English, French};

const MONTHS: [(&str, &str, &str); 12] = [
    ("January", "janvier", "januari"),
    ("February", "février", "februari"),
    ("March", "mars", "maart"),
    ("April", "avril", "april"),
    ("May", "mai", "mei"),
    ("June", "juin", "juni"),
    ("July", "juillet", "juli"),
    ("August", "août", "augustus"),
    ("September", "septembre", "september"),
    ("October", "octobre", "oktober"),
    ("November", "novembre", "november"),
    ("December", "décembre", "december"),
];

/// The names, for readers, of the fields that have no sentence of their own: field, English, French, Dutch.
const FIELD_NAMES: &[(&str, &str, &str, &str)] = &[
    ("abstract", "abstract", "résumé", "samenvatting"),
    ("access", "access", "accès", "toegang"),
    ("biography", "biography", "biographie", "biografie"),
    ("capacity", "capacity", "capacité", "capaciteit"),
    ("changeover", "beginning", "début", "begin"),
    ("commitments", "commitments", "engagements", "verbintenissen"),
    ("country", "country", "pays", "land"),
    ("description", "description", "description", "beschrijving"),
    ("guid", "identifier", "identifiant", "identificatie"),
    ("honorific", "form of address", "civilité", "aanspreektitel"),
    ("interpretation", "interpretation", "interprétation", "vertolking"),
    ("issued_by", "issuer", "auteur", "opsteller"),
    ("kind", "kind", "type", "soort"),
    ("languages", "languages", "langues", "talen"),
    ("name", "name", "nom", "naam"),
    ("organisation", "organisation", "organisation", "organisatie"),
    ("organisations", "organisations", "organisations", "organisaties"),
    ("position", "position", "fonction", "functie"),
    ("preamble", "preamble", "préambule", "preambule"),
    ("precedence", "precedence", "préséance", "protocollaire rang"),
    ("seats", "seats", "places", "plaatsen"),
    ("status", "status", "statut", "status"),
    ("time_limit_minutes", "time limit", "temps de parole", "spreektijd"),
    ("time_zone", "time zone", "fuseau horaire", "tijdzone"),
    ("title", "title", "titre", "titel"),
    ("track", "track", "thème", "thema"),
    ("venue", "venue", "lieu", "locatie"),
    ("website", "website", "site web", "website"),
];

/// The names, for readers, of kinds of sessions and items, and of roles.
const KIND_AND_ROLE_NAMES: &[(&str, &str, &str, &str)] = &[
    ("break", "Break", "Pause", "Pauze"),
    ("call_for_action", "Call for action", "Appel à l’action", "Oproep tot actie"),
    ("ceremony", "Ceremony", "Cérémonie", "Ceremonie"),
    ("chair", "Chair", "Présidence", "Voorzitter"),
    ("closing", "Closing", "Clôture", "Sluiting"),
    ("discussion", "Discussion", "Discussion", "Discussie"),
    ("high_level_political", "High-level political session", "Séance politique de haut niveau", "Politiek topoverleg"),
    ("institutional_response", "Institutional response", "Réponse institutionnelle", "Institutionele reactie"),
    ("keynote", "Keynote", "Exposé principal", "Keynote"),
    ("keynote_speaker", "Keynote speaker", "Exposé principal", "Keynotespreker"),
    ("ministerial_intervention", "Ministerial intervention", "Intervention ministérielle", "Ministeriële interventie"),
    ("moderator", "Moderator", "Modération", "Moderator"),
    ("opening", "Opening", "Ouverture", "Opening"),
    ("panel", "Panel", "Table ronde", "Panel"),
    ("panellist", "Panellist", "Panéliste", "Panellid"),
    ("parallel", "Parallel session", "Séance parallèle", "Parallelle sessie"),
    ("performance", "Performance", "Spectacle", "Optreden"),
    ("rapporteur", "Rapporteur", "Rapport", "Rapporteur"),
    ("side_event", "Side event", "Événement parallèle", "Nevenevenement"),
    ("social", "Social event", "Rencontre", "Sociaal evenement"),
    ("speaker", "Speaker", "Intervention", "Spreker"),
    ("statement", "Statement", "Déclaration", "Verklaring"),
    ("thematic", "Thematic session", "Séance thématique", "Thematische sessie"),
    ("welcome_address", "Welcome address", "Allocution de bienvenue", "Welkomstwoord"),
];

impl Phrases {
    /// The language of a tag, if the service writes in it.
    pub fn of(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "en" => Some(English),
            "fr" => Some(French),
            "nl" => Some(Dutch),
            _ => None,
        }
    }

    pub const fn tag(self) -> &'static str {
        self.pick("en", "fr", "nl")
    }

    const fn pick<T: Copy>(self, english: T, french: T, dutch: T) -> T {
        match self {
            English => english,
            French => french,
            Dutch => dutch,
        }
    }

    /// The title of a withheld session or item.
    pub const fn to_be_announced(self) -> &'static str {
        self.pick("To be announced", "À annoncer", "Wordt nog bekendgemaakt")
    }

    /// The name of the room of a session that has none.
    pub const fn room_to_be_announced(self) -> &'static str {
        self.pick("Room to be announced", "Salle à annoncer", "Zaal wordt nog bekendgemaakt")
    }

    /// Says that an item belongs to the session with this title.
    pub fn part_of(self, title: &str) -> String {
        let part = self.pick("Part of", "Fait partie de", "Onderdeel van");
        format!("{part} {}", self.quote(title))
    }

    /// The name of a placeholder for a speaker.
    pub const fn name_withheld(self) -> &'static str {
        self.pick("Name withheld", "Nom non communiqué", "Naam niet bekendgemaakt")
    }

    /// The title of a release.
    pub fn release(self, number: i32) -> String {
        match self {
            English => format!("Release {number}"),
            French => format!("Version {number}"),
            Dutch => format!("Versie {number}"),
        }
    }

    /// Says how many more sentences there are.
    pub fn and_more(self, more: usize) -> String {
        match self {
            English => format!("And {more} more changes."),
            French => format!("Et {more} autres changements."),
            Dutch => format!("En nog {more} wijzigingen."),
        }
    }

    /// A title in quotation marks.
    pub fn quote(self, title: &str) -> String {
        match self {
            French => format!("«\u{a0}{title}\u{a0}»"),
            English | Dutch => format!("“{title}”"),
        }
    }

    /// For example `1 May 2030`.
    pub fn date(self, date: NaiveDate) -> String {
        let month = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month));
        let month = month.map_or("", |(english, french, dutch)| self.pick(english, french, dutch));
        match (self, date.day()) {
            (French, 1) => format!("1er {month} {}", date.year()),
            (_, day) => format!("{day} {month} {}", date.year()),
        }
    }

    /// The name of a field.
    pub fn field(self, name: &str) -> String {
        let entry = FIELD_NAMES.iter().find(|(field, ..)| *field == name);
        let words = entry.map(|(_, english, french, dutch)| self.pick(*english, *french, *dutch));
        words.map_or_else(|| name.replace('_', " "), str::to_owned)
    }

    /// The name of a kind of session or item, or of a role.
    pub fn kind_or_role(self, name: &'static str) -> &'static str {
        let entry = KIND_AND_ROLE_NAMES.iter().find(|(word, ..)| *word == name);
        entry.map_or(name, |(_, english, french, dutch)| self.pick(*english, *french, *dutch))
    }

    /// The separator between a word and what it introduces.
    pub const fn colon(self) -> &'static str {
        self.pick(": ", "\u{a0}: ", ": ")
    }

    /// A thing with its kind and its name.
    pub fn thing(self, resource: ResourceKind, name: &str) -> String {
        let quoted = self.quote(name);
        match (self, resource) {
            (English, ResourceKind::Room) => format!("Room {quoted}"),
            (French, ResourceKind::Room) => format!("La salle {quoted}"),
            (Dutch, ResourceKind::Room) => format!("Zaal {quoted}"),
            (English, ResourceKind::Track) => format!("Track {quoted}"),
            (French, ResourceKind::Track) => format!("Le thème {quoted}"),
            (Dutch, ResourceKind::Track) => format!("Thema {quoted}"),
            (_, ResourceKind::Speaker | ResourceKind::Organisation) => name.to_owned(),
            (English, ResourceKind::Day) => format!("The day of {name}"),
            (French, ResourceKind::Day) => format!("La journée du {name}"),
            (Dutch, ResourceKind::Day) => format!("De dag van {name}"),
            (_, ResourceKind::Conference) => self.pick("The conference", "La conférence", "De conferentie").to_owned(),
            (_, ResourceKind::CallForAction) => {
                self.pick("The call for action", "L’appel à l’action", "De oproep tot actie").to_owned()
            }
            _ => quoted,
        }
    }

    pub fn added(self, thing: &str) -> String {
        match self {
            English => format!("{thing} is new in the programme."),
            French => format!("{thing} s’ajoute au programme."),
            Dutch => format!("{thing} is nieuw in het programma."),
        }
    }

    pub fn removed(self, thing: &str) -> String {
        match self {
            English => format!("{thing} is no longer in the programme."),
            French => format!("{thing} ne figure plus au programme."),
            Dutch => format!("{thing} staat niet meer in het programma."),
        }
    }

    pub fn renamed(self, thing: &str, name: &str) -> String {
        match self {
            English => format!("{thing} is now called {name}."),
            French => format!("{thing} s’appelle désormais {name}."),
            Dutch => format!("{thing} heet nu {name}."),
        }
    }

    /// It has a new code.
    pub fn recoded(self, thing: &str, code: &str) -> String {
        match self {
            English => format!("{thing} has a new code, {code}."),
            French => format!("{thing} a un nouveau code, {code}."),
            Dutch => format!("{thing} heeft een nieuwe code, {code}."),
        }
    }

    /// The times of the conference are in another time zone.
    pub fn other_time_zone(self, before: &str, after: &str) -> String {
        match self {
            English => format!("All times are now those of {after}, no longer those of {before}."),
            French => format!("Toutes les heures sont désormais celles de {after}, et non plus celles de {before}."),
            Dutch => format!("Alle tijden zijn nu die van {after}, niet meer die van {before}."),
        }
    }

    /// It starts at another time. `ends_at` is the new end if the duration changed too; `zones` are those of the old
    /// and the new times if they differ.
    pub fn moved_in_time(
        self,
        thing: &str,
        (from, to): (DateTime<FixedOffset>, DateTime<FixedOffset>),
        ends_at: Option<DateTime<FixedOffset>>,
        zones: Option<(&str, &str)>,
    ) -> String {
        let (old, new) = clock_times(from, to, zones);
        let (old_date, new_date) = (self.date(from.date_naive()), self.date(to.date_naive()));
        let moved = match (self, from.date_naive() == to.date_naive()) {
            (English, true) => format!("{thing} moves from {old} to {new} on {new_date}"),
            (French, true) => format!("{thing} passe de {old} à {new} le {new_date}"),
            (Dutch, true) => format!("{thing} verschuift van {old} naar {new} op {new_date}"),
            (English, false) => format!("{thing} moves from {old} on {old_date} to {new} on {new_date}"),
            (French, false) => format!("{thing} passe du {old_date} à {old} au {new_date} à {new}"),
            (Dutch, false) => format!("{thing} verschuift van {old_date} om {old} naar {new_date} om {new}"),
        };
        let Some(ends_at) = ends_at.map(clock_time) else {
            return format!("{moved}.");
        };
        match self {
            English => format!("{moved} and ends at {ends_at}."),
            French => format!("{moved} et se termine à {ends_at}."),
            Dutch => format!("{moved} en eindigt om {ends_at}."),
        }
    }

    /// Only its end changed.
    pub fn end_changed(
        self,
        thing: &str,
        from: DateTime<FixedOffset>,
        to: DateTime<FixedOffset>,
        zones: Option<(&str, &str)>,
    ) -> String {
        let ((old, new), date) = (clock_times(from, to, zones), self.date(to.date_naive()));
        match self {
            English => format!("{thing} ends at {new} on {date} instead of {old}."),
            French => format!("{thing} se termine à {new} le {date} au lieu de {old}."),
            Dutch => format!("{thing} eindigt om {new} op {date} in plaats van {old}."),
        }
    }

    /// It has a new date, or new first and last dates.
    pub fn on_dates(self, thing: &str, from: NaiveDate, to: Option<NaiveDate>) -> String {
        let (first, last) = (self.date(from), to.map(|date| self.date(date)));
        match (self, last) {
            (English, None) => format!("{thing} moves to {first}."),
            (French, None) => format!("{thing} passe au {first}."),
            (Dutch, None) => format!("{thing} verschuift naar {first}."),
            (English, Some(last)) => format!("{thing} now lasts from {first} to {last}."),
            (French, Some(last)) => format!("{thing} dure désormais du {first} au {last}."),
            (Dutch, Some(last)) => format!("{thing} duurt nu van {first} tot en met {last}."),
        }
    }

    /// It is in another room or another session.
    pub fn moved(self, thing: &str, from: Option<&str>, to: Option<&str>) -> String {
        match (self, from, to) {
            (English, Some(from), Some(to)) => format!("{thing} moves from {from} to {to}."),
            (French, Some(from), Some(to)) => format!("{thing} passe de {from} à {to}."),
            (Dutch, Some(from), Some(to)) => format!("{thing} verhuist van {from} naar {to}."),
            (English, None, Some(to)) => format!("{thing} takes place in {to}."),
            (French, None, Some(to)) => format!("{thing} a lieu dans {to}."),
            (Dutch, None, Some(to)) => format!("{thing} vindt plaats in {to}."),
            (English, _, None) => format!("{thing} has no room any more."),
            (French, _, None) => format!("{thing} n’a plus de salle."),
            (Dutch, _, None) => format!("{thing} heeft geen zaal meer."),
        }
    }

    /// A speaker replaces another, possibly on behalf of a third person.
    pub fn replaces(self, new: &str, old: &str, thing: &str, on_behalf_of: Option<&str>) -> String {
        let on_behalf_of = self.on_behalf_of(on_behalf_of);
        match self {
            English => format!("{new} replaces {old} in {thing}{on_behalf_of}."),
            French => format!("{new} remplace {old} dans {thing}{on_behalf_of}."),
            Dutch => format!("{new} vervangt {old} in {thing}{on_behalf_of}."),
        }
    }

    /// A speaker was added.
    pub fn joins(self, new: &str, thing: &str, on_behalf_of: Option<&str>) -> String {
        let on_behalf_of = self.on_behalf_of(on_behalf_of);
        match self {
            English => format!("{new} takes part in {thing}{on_behalf_of}."),
            French => format!("{new} participe à {thing}{on_behalf_of}."),
            Dutch => format!("{new} neemt deel aan {thing}{on_behalf_of}."),
        }
    }

    /// A speaker was removed.
    pub fn leaves(self, old: &str, thing: &str) -> String {
        match self {
            English => format!("{old} no longer takes part in {thing}."),
            French => format!("{old} ne participe plus à {thing}."),
            Dutch => format!("{old} neemt niet meer deel aan {thing}."),
        }
    }

    /// A speaker has another role.
    pub fn changed_role(self, who: &str, thing: &str, on_behalf_of: Option<&str>) -> String {
        let on_behalf_of = self.on_behalf_of(on_behalf_of);
        match self {
            English => format!("{who} has another part in {thing}{on_behalf_of}."),
            French => format!("{who} a un autre rôle dans {thing}{on_behalf_of}."),
            Dutch => format!("{who} heeft een andere rol in {thing}{on_behalf_of}."),
        }
    }

    /// On behalf of somebody else.
    pub fn on_behalf_of(self, of: Option<&str>) -> String {
        let of = of.map(|name| match self {
            English => format!(", on behalf of {name}"),
            French => format!(", au nom {}", de(name)),
            Dutch => format!(", namens {name}"),
        });
        of.unwrap_or_default()
    }

    /// Other fields of it changed.
    pub fn changed(self, thing: &str, fields: &[String]) -> String {
        let fields = fields.join(", ");
        match self {
            English => format!("{thing} has changed: {fields}."),
            French => format!("{thing} change\u{a0}: {fields}."),
            Dutch => format!("{thing} is gewijzigd: {fields}."),
        }
    }

    /// A list has a new order: things of one kind, the items of a session, or the speakers of something.
    pub fn reordered(self, what: ResourceKind, within: Option<&str>) -> String {
        let what = match what {
            ResourceKind::Item => self.pick("items", "points", "onderdelen"),
            ResourceKind::Session => self.pick("sessions", "séances", "sessies"),
            ResourceKind::Speaker => self.pick("speakers", "intervenants", "sprekers"),
            ResourceKind::Room => self.pick("rooms", "salles", "zalen"),
            ResourceKind::Track => self.pick("tracks", "thèmes", "thema’s"),
            ResourceKind::Day => self.pick("days", "journées", "dagen"),
            ResourceKind::Organisation => self.pick("organisations", "organisations", "organisaties"),
            other => other.as_str(),
        };
        match (self, within) {
            (English, Some(thing)) => format!("The {what} of {thing} stand in another order."),
            (French, Some(thing)) => format!("Les {what} de {thing} changent d’ordre."),
            (Dutch, Some(thing)) => format!("De {what} van {thing} staan in een andere volgorde."),
            (English, None) => format!("The {what} stand in another order."),
            (French, None) => format!("Les {what} changent d’ordre."),
            (Dutch, None) => format!("De {what} staan in een andere volgorde."),
        }
    }

    /// The embargo of these things, and of `more` others, has ended.
    pub fn embargo_ended(self, things: &[String], more: usize) -> String {
        let things = things.join(", ");
        match (self, things.is_empty(), more) {
            (English, true, _) => "An embargo has ended.".to_owned(),
            (French, true, _) => "Un embargo a pris fin.".to_owned(),
            (Dutch, true, _) => "Een embargo is afgelopen.".to_owned(),
            (English, false, 0) => format!("The embargo of {things} has ended."),
            (French, false, 0) => format!("L’embargo a pris fin\u{a0}: {things}."),
            (Dutch, false, 0) => format!("Het embargo van {things} is afgelopen."),
            (English, false, more) => format!("The embargo of {things} and {more} more has ended."),
            (French, false, more) => format!("L’embargo a pris fin\u{a0}: {things} (+{more})."),
            (Dutch, false, more) => format!("Het embargo van {things} en {more} meer is afgelopen."),
        }
    }
}

/// A French name with the preposition "de".
fn de(name: &str) -> String {
    const VOWELS: &str = "aeiouàâäéèêëîïôöùûü";
    let elides = name.chars().next().is_some_and(|first| first.to_lowercase().any(|first| VOWELS.contains(first)));
    if elides { format!("d’{name}") } else { format!("de {name}") }
}

/// An old and a new time, with their zones if these differ.
fn clock_times(
    from: DateTime<FixedOffset>,
    to: DateTime<FixedOffset>,
    zones: Option<(&str, &str)>,
) -> (String, String) {
    let (old, new) = (clock_time(from), clock_time(to));
    match zones {
        Some((before, after)) => (format!("{old} ({before})"), format!("{new} ({after})")),
        None => (old, new),
    }
}

fn clock_time(instant: DateTime<FixedOffset>) -> String {
    instant.format("%H:%M").to_string()
}
