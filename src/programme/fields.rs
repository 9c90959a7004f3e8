//! `?fields=`: an answer with only the fields that the client asked for. The known names are read from the schema of
//! the view, as in the API document, never from the value.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser,
};
use serde_json::value::RawValue;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema, schema::ArrayItems},
};

use super::views::List;
use crate::validation::ValidationErrors;

/// More paths than any view needs; each is looked up in the schema.
const PATHS_MAX: usize = 50;

/// Which members of a value are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All members.
    All,
    /// These members; for a list, these members of each element.
    Only(BTreeMap<String, Selection>),
}

impl Selection {
    /// The members of a view of type `T` that the paths select, such as `code,room.name`. Without a text, all members.
    ///
    /// # Errors
    /// One validation error for each name that the view does not have, or one for too many paths.
    pub fn read<T: ToSchema>(text: Option<&str>) -> Result<Self, ValidationErrors> {
        let Some(text) = text else {
            return Ok(Self::All);
        };
        let mut errors = ValidationErrors::default();
        let paths: Vec<&str> = text.split(',').map(str::trim).collect();
        if paths.len() > PATHS_MAX {
            errors.add("?fields", "too_many", format!("must have at most {PATHS_MAX} paths"));
            return errors.into_result(Self::All);
        }
        let schema = ViewSchema::of::<T>();
        let mut selected = Self::Only(BTreeMap::new());
        for path in paths {
            match schema.check(path) {
                Ok(()) => selected.add(path.split('.')),
                Err(detail) => errors.add("?fields", "unknown_field", detail),
            }
        }
        errors.into_result(selected)
    }

    /// A path to a whole object includes the paths to its parts.
    fn add<'a>(&mut self, mut names: impl Iterator<Item = &'a str>) {
        match (names.next(), &mut *self) {
            (None, _) => *self = Self::All,
            (Some(_), Self::All) => {}
            (Some(name), Self::Only(parts)) => {
                parts.entry(name.to_owned()).or_insert_with(|| Self::Only(BTreeMap::new())).add(names);
            }
        }
    }

    /// The value, of which only the selected members are serialised.
    pub fn apply<T>(&self, value: T) -> Selected<'_, T> {
        Selected { value, selection: self }
    }

    /// The list, of whose elements only the selected members are serialised.
    pub fn apply_to_each<T>(&self, values: Vec<T>) -> List<Selected<'_, T>> {
        List { data: values.into_iter().map(|value| self.apply(value)).collect() }
    }
}

/// The schema of a view, and the schemas that it refers to.
struct ViewSchema {
    root: RefOr<Schema>,
    named: BTreeMap<String, RefOr<Schema>>,
}

impl ViewSchema {
    fn of<T: ToSchema>() -> Self {
        let mut named = Vec::new();
        T::schemas(&mut named);
        Self { root: T::schema(), named: named.into_iter().collect() }
    }

    /// Whether the view has the member that the path names. The error lists the known members at the point where the
    /// path is wrong.
    fn check(&self, path: &str) -> Result<(), String> {
        let mut schemas = vec![&self.root];
        let mut parent = String::new();
        for name in path.split('.') {
            let members: Vec<_> = schemas.into_iter().flat_map(|schema| self.members(schema)).collect();
            schemas = members.iter().filter(|(known, _)| *known == name).map(|(_, schema)| *schema).collect();
            if schemas.is_empty() {
                let known: Vec<&str> = members.into_iter().map(|(known, _)| known).collect();
                return Err(unknown_field_detail(&parent, name, &known));
            }
            parent = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        }
        Ok(())
    }

    /// The members of an object, or of each element of a list, in the order of the schema.
    fn members<'s>(&'s self, schema: &'s RefOr<Schema>) -> Vec<(&'s str, &'s RefOr<Schema>)> {
        let of_all = |schemas: &'s [RefOr<Schema>]| schemas.iter().flat_map(|schema| self.members(schema)).collect();
        match schema {
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                self.named.get(name).map(|schema| self.members(schema)).unwrap_or_default()
            }
            RefOr::T(Schema::Object(object)) => {
                object.properties.iter().map(|(name, schema)| (name.as_str(), schema)).collect()
            }
            RefOr::T(Schema::Array(array)) => match &array.items {
                ArrayItems::RefOrSchema(schema) => self.members(schema),
                ArrayItems::False => Vec::new(),
            },
            RefOr::T(Schema::AllOf(parts)) => of_all(&parts.items),
            RefOr::T(Schema::OneOf(either)) => of_all(&either.items),
            RefOr::T(Schema::AnyOf(either)) => of_all(&either.items),
            RefOr::T(_) => Vec::new(),
        }
    }
}

fn unknown_field_detail(parent: &str, name: &str, known: &[&str]) -> String {
    let location = if parent.is_empty() { "here".to_owned() } else { format!("in {parent}") };
    let name: String = name.chars().take(50).collect();
    if known.is_empty() {
        return format!("`{name}` is not known {location}, which has no fields");
    }
    format!("`{name}` is not known {location}; known: {}", known.join(", "))
}

/// A value of which only the selected members are serialised, in their usual order.
#[derive(Debug)]
pub struct Selected<'s, T> {
    value: T,
    selection: &'s Selection,
}

impl<T: Serialize> Serialize for Selected<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self.selection == Selection::All {
            return self.value.serialize(serializer);
        }
        let sparse = || {
            let mut sparse = String::new();
            write(&serde_json::to_string(&self.value)?, self.selection, &mut sparse)?;
            RawValue::from_string(sparse)
        };
        sparse().map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Writes the selected members of a JSON text.
fn write(text: &str, selection: &Selection, to: &mut String) -> serde_json::Result<()> {
    let Selection::Only(parts) = selection else {
        to.push_str(text);
        return Ok(());
    };
    let mut separator = "";
    if text.starts_with('{') {
        to.push('{');
        for (name, value) in serde_json::from_str::<Members<'_>>(text)?.0 {
            if let Some(selection) = parts.get(&name) {
                to.push_str(separator);
                to.push_str(&serde_json::to_string(&name)?);
                to.push(':');
                write(value.get(), selection, to)?;
                separator = ",";
            }
        }
        to.push('}');
    } else if text.starts_with('[') {
        to.push('[');
        for value in serde_json::from_str::<Vec<&RawValue>>(text)? {
            to.push_str(separator);
            write(value.get(), selection, to)?;
            separator = ",";
        }
        to.push(']');
    } else {
        to.push_str(text);
    }
    Ok(())
}

/// The members of a JSON object, in order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programme::views::{HighLevelSessionView, ProgrammeView, SessionView};

    #[test]
    fn paths_are_checked_against_the_schema_of_the_view() {
        let refused = |text: &str| {
            let errors = Selection::read::<SessionView>(Some(text)).unwrap_err();
            errors.0.into_iter().map(|error| error.detail).collect::<Vec<_>>()
        };
        assert!(Selection::read::<SessionView>(Some("code, room.name,items.appearances.speaker.name")).is_ok());
        assert!(Selection::read::<HighLevelSessionView>(Some("code,ministerial_interventions.title")).is_ok());
        assert!(Selection::read::<ProgrammeView>(Some("release.number,days.sessions.title")).is_ok());
        assert_eq!(refused("room.colour"), ["`colour` is not known in room; known: code, name"]);
        assert_eq!(
            refused("code.x,"),
            ["`x` is not known in code, which has no fields".to_owned(), refused("").remove(0)]
        );
        assert_eq!(refused(&["code"; 51].join(",")), ["must have at most 50 paths"]);
    }

    #[test]
    fn selected_members_keep_their_order_and_a_whole_object_wins() {
        let mut selection = Selection::Only(BTreeMap::new());
        for path in ["list.b", "z", "z.inner", "none.b"] {
            selection.add(path.split('.'));
        }
        let mut sparse = String::new();
        let text = r#"{"z":{"inner":1,"other":2},"list":[{"b":1,"a":2},{"a":3}],"none":null,"rest":4}"#;
        write(text, &selection, &mut sparse).unwrap();
        assert_eq!(sparse, r#"{"z":{"inner":1,"other":2},"list":[{"b":1},{}],"none":null}"#);
    }
}
