//! The phrases of the languages that the service speaks.

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate};

/// A language that the service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// French.
    French,
    /// Dutch.
    Dutch,
}

use Tongue::{Dutch, English, French};

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

/// What readers call the fields that have no sentence of their own.
const FIELDS: &[(&str, &str, &str, &str)] = &[
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

/// What readers call kinds of sessions and items, and parts in them.
const WORDS: &[(&str, &str, &str, &str)] = &[
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

impl Tongue {
    /// The language of a tag, if it is one of these.
    pub fn of(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "en" => Some(English),
            "fr" => Some(French),
            "nl" => Some(Dutch),
            _ => None,
        }
    }

    /// The tag.
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

    /// The title of what is withheld.
    pub const fn to_be_announced(self) -> &'static str {
        self.pick("To be announced", "À annoncer", "Wordt nog bekendgemaakt")
    }

    /// The name of the place of what has no room.
    pub const fn room_to_be_announced(self) -> &'static str {
        self.pick("Room to be announced", "Salle à annoncer", "Zaal wordt nog bekendgemaakt")
    }

    /// It belongs to a session of this title.
    pub fn part_of(self, title: &str) -> String {
        let part = self.pick("Part of", "Fait partie de", "Onderdeel van");
        format!("{part} {}", self.quote(title))
    }

    /// The name of a speaker who is not to be known.
    pub const fn name_withheld(self) -> &'static str {
        self.pick("Name withheld", "Nom non communiqué", "Naam niet bekendgemaakt")
    }

    /// What a release is called.
    pub fn release(self, number: i32) -> String {
        match self {
            English => format!("Release {number}"),
            French => format!("Version {number}"),
            Dutch => format!("Versie {number}"),
        }
    }

    /// That there are more sentences than those that were said.
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

    /// `1 May 2030`.
    pub fn date(self, date: NaiveDate) -> String {
        let month = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month));
        let month = month.map_or("", |(english, french, dutch)| self.pick(english, french, dutch));
        match (self, date.day()) {
            (French, 1) => format!("1er {month} {}", date.year()),
            (_, day) => format!("{day} {month} {}", date.year()),
        }
    }

    /// What a field is called.
    pub fn field(self, name: &str) -> String {
        let known = FIELDS.iter().find(|(field, ..)| *field == name);
        let words = known.map(|(_, english, french, dutch)| self.pick(*english, *french, *dutch));
        words.map_or_else(|| name.replace('_', " "), str::to_owned)
    }

    /// What a kind of session or item, or a part in it, is called.
    pub fn word(self, name: &'static str) -> &'static str {
        let known = WORDS.iter().find(|(word, ..)| *word == name);
        known.map_or(name, |(_, english, french, dutch)| self.pick(*english, *french, *dutch))
    }

    /// What stands between a word and what it is about.
    pub const fn colon(self) -> &'static str {
        self.pick(": ", "\u{a0}: ", ": ")
    }

    /// A thing that is called by its kind and its name.
    pub fn thing(self, resource: &str, name: &str) -> String {
        let quoted = self.quote(name);
        match (self, resource) {
            (English, "room") => format!("Room {quoted}"),
            (French, "room") => format!("La salle {quoted}"),
            (Dutch, "room") => format!("Zaal {quoted}"),
            (English, "track") => format!("Track {quoted}"),
            (French, "track") => format!("Le thème {quoted}"),
            (Dutch, "track") => format!("Thema {quoted}"),
            (_, "speaker" | "organisation") => name.to_owned(),
            (English, "day") => format!("The day of {name}"),
            (French, "day") => format!("La journée du {name}"),
            (Dutch, "day") => format!("De dag van {name}"),
            (_, "conference") => self.pick("The conference", "La conférence", "De conferentie").to_owned(),
            (_, "call_for_action") => {
                self.pick("The call for action", "L’appel à l’action", "De oproep tot actie").to_owned()
            }
            _ => quoted,
        }
    }

    /// It is new.
    pub fn added(self, thing: &str) -> String {
        match self {
            English => format!("{thing} is new in the programme."),
            French => format!("{thing} s’ajoute au programme."),
            Dutch => format!("{thing} is nieuw in het programma."),
        }
    }

    /// It is gone.
    pub fn removed(self, thing: &str) -> String {
        match self {
            English => format!("{thing} is no longer in the programme."),
            French => format!("{thing} ne figure plus au programme."),
            Dutch => format!("{thing} staat niet meer in het programma."),
        }
    }

    /// It is called something else.
    pub fn renamed(self, thing: &str, name: &str) -> String {
        match self {
            English => format!("{thing} is now called {name}."),
            French => format!("{thing} s’appelle désormais {name}."),
            Dutch => format!("{thing} heet nu {name}."),
        }
    }

    /// It has another code.
    pub fn recoded(self, thing: &str, code: &str) -> String {
        match self {
            English => format!("{thing} has a new code, {code}."),
            French => format!("{thing} a un nouveau code, {code}."),
            Dutch => format!("{thing} heeft een nieuwe code, {code}."),
        }
    }

    /// It starts at another time; where it also lasts longer or less long, it ends at `ends_at`.
    pub fn moved_in_time(
        self,
        thing: &str,
        from: DateTime<FixedOffset>,
        to: DateTime<FixedOffset>,
        ends_at: Option<DateTime<FixedOffset>>,
    ) -> String {
        let (old, new) = (clock_time(from), clock_time(to));
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

    /// It ends at another time.
    pub fn ends_otherwise(self, thing: &str, from: DateTime<FixedOffset>, to: DateTime<FixedOffset>) -> String {
        let (old, new, date) = (clock_time(from), clock_time(to), self.date(to.date_naive()));
        match self {
            English => format!("{thing} ends at {new} on {date} instead of {old}."),
            French => format!("{thing} se termine à {new} le {date} au lieu de {old}."),
            Dutch => format!("{thing} eindigt om {new} op {date} in plaats van {old}."),
        }
    }

    /// It is on another date, or lasts from one to another.
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

    /// It is somewhere else: in another room, in another session.
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

    /// Somebody appears instead of somebody else, on behalf of a third.
    pub fn replaces(self, new: &str, old: &str, thing: &str, on_behalf_of: Option<&str>) -> String {
        let behalf = self.behalf(on_behalf_of);
        match self {
            English => format!("{new} replaces {old} in {thing}{behalf}."),
            French => format!("{new} remplace {old} dans {thing}{behalf}."),
            Dutch => format!("{new} vervangt {old} in {thing}{behalf}."),
        }
    }

    /// Somebody else appears in it, too.
    pub fn joins(self, new: &str, thing: &str, on_behalf_of: Option<&str>) -> String {
        let behalf = self.behalf(on_behalf_of);
        match self {
            English => format!("{new} takes part in {thing}{behalf}."),
            French => format!("{new} participe à {thing}{behalf}."),
            Dutch => format!("{new} neemt deel aan {thing}{behalf}."),
        }
    }

    /// Somebody does not appear in it any more.
    pub fn leaves(self, old: &str, thing: &str) -> String {
        match self {
            English => format!("{old} no longer takes part in {thing}."),
            French => format!("{old} ne participe plus à {thing}."),
            Dutch => format!("{old} neemt niet meer deel aan {thing}."),
        }
    }

    /// Somebody has another part in it.
    pub fn other_part(self, who: &str, thing: &str, on_behalf_of: Option<&str>) -> String {
        let behalf = self.behalf(on_behalf_of);
        match self {
            English => format!("{who} has another part in {thing}{behalf}."),
            French => format!("{who} a un autre rôle dans {thing}{behalf}."),
            Dutch => format!("{who} heeft een andere rol in {thing}{behalf}."),
        }
    }

    /// On behalf of somebody else.
    pub fn behalf(self, of: Option<&str>) -> String {
        let of = of.map(|name| match self {
            English => format!(", on behalf of {name}"),
            French => format!(", au nom {}", de(name)),
            Dutch => format!(", namens {name}"),
        });
        of.unwrap_or_default()
    }

    /// Other things about it changed.
    pub fn changed(self, thing: &str, fields: &[String]) -> String {
        let fields = fields.join(", ");
        match self {
            English => format!("{thing} has changed: {fields}."),
            French => format!("{thing} change\u{a0}: {fields}."),
            Dutch => format!("{thing} is gewijzigd: {fields}."),
        }
    }

    /// Things stand in another order: those of a kind, those in a session, those who speak in something.
    pub fn reordered(self, what: &str, within: Option<&str>) -> String {
        let what = match what {
            "item" => self.pick("items", "points", "onderdelen"),
            "session" => self.pick("sessions", "séances", "sessies"),
            "speaker" => self.pick("speakers", "intervenants", "sprekers"),
            "room" => self.pick("rooms", "salles", "zalen"),
            "track" => self.pick("tracks", "thèmes", "thema’s"),
            "day" => self.pick("days", "journées", "dagen"),
            "organisation" => self.pick("organisations", "organisations", "organisaties"),
            other => other,
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

    /// An embargo has ended: of these, and of `more` others.
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

/// A French name with its preposition.
fn de(name: &str) -> String {
    const VOWELS: &str = "aeiouàâäéèêëîïôöùûü";
    let elides = name.chars().next().is_some_and(|first| first.to_lowercase().any(|first| VOWELS.contains(first)));
    if elides { format!("d’{name}") } else { format!("de {name}") }
}

fn clock_time(instant: DateTime<FixedOffset>) -> String {
    instant.format("%H:%M").to_string()
}
