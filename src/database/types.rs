//! Column types that the two backends represent differently.
//!
//! | type | PostgreSQL | SQLite |
//! |---|---|---|
//! | [`Guid`] | `uuid` | `BLOB` of 16 bytes |
//! | [`UtcInstant`] | `timestamptz` | `TEXT`, RFC 3339 in microseconds with `Z`: sorting by text sorts by time |
//! | [`Json`] | `jsonb` | `TEXT` |
//!
//! A column that holds one text of a closed set is a [`TextEnum`], which both represent as `text`: its values are enums
//! ([`text_enum_columns`]), so that no query compares it with a bare string and no row holds one.

use std::io::Write;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, Queryable},
    expression::AsExpression,
    internal::derives::as_expression::Bound,
    pg::{Pg, PgValue},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{self, HasSqlType, Nullable, SqlType},
    sqlite::Sqlite,
};
use serde_json::Value;
use uuid::Uuid;

use super::{connection::MultiBackend, error::UnknownText};
use crate::ids::Id;

#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Guid;

/// A time in microseconds.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Text"))]
pub struct UtcInstant;

#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Json;

/// One text of a closed set.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(oid = 25, array_oid = 1009))]
#[diesel(sqlite_type(name = "Text"))]
pub struct TextEnum;

/// The Rust value of a [`UtcInstant`] column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DbInstant(pub DateTime<Utc>);

/// The Rust value of a [`Json`] column.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonValue(pub Value);

/// The Rust value of a [`Json`] column as text, so that parsing and serialising can be done outside the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(pub String);

/// The Rust value of a [`TextEnum`] column for a reader that has to go on after an unknown text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncheckedText(pub String);

impl UncheckedText {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

const INSTANT_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// Implements what diesel's derives would generate on the value's own type, which must not depend on diesel.
macro_rules! column_value {
    ([$($kind:ident: $bound:lifetime)?] $value:ty, $sql:ty) => {
        impl<$($kind: $bound)?> AsExpression<$sql> for $value {
            type Expression = Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<$($kind: $bound)?> AsExpression<Nullable<$sql>> for $value {
            type Expression = Bound<Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'expr $(, $kind: $bound)?> AsExpression<$sql> for &'expr $value {
            type Expression = Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'expr $(, $kind: $bound)?> AsExpression<Nullable<$sql>> for &'expr $value {
            type Expression = Bound<Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<$($kind: $bound,)? DB: Backend> ToSql<Nullable<$sql>, DB> for $value
        where
            Self: ToSql<$sql, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                ToSql::<$sql, DB>::to_sql(self, out)
            }
        }
        impl<$($kind: $bound,)? DB: Backend> Queryable<$sql, DB> for $value
        where
            Self: FromSql<$sql, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
        impl<$($kind: $bound)?> ToSql<$sql, MultiBackend> for $value {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((<$sql>::default(), self));
                Ok(IsNull::No)
            }
        }
        impl<$($kind: $bound)?> FromSql<$sql, MultiBackend> for $value {
            fn from_sql(raw: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                raw.from_sql::<Self, $sql>()
            }
        }
    };
}
pub(crate) use column_value;

/// Names in the macros of this module, for the modules that call [`text_enum_columns`].
pub(crate) mod names {
    pub(crate) use diesel::{
        backend::Backend,
        deserialize::{self, FromSql, Queryable},
        expression::AsExpression,
        internal::derives::as_expression::Bound,
        pg::{Pg, PgValue},
        serialize::{self, IsNull, Output, ToSql},
        sql_types::Nullable,
        sqlite::Sqlite,
    };

    pub(crate) use super::{column_value, read_text_enum, sqlite_text};
    pub(crate) use crate::database::connection::MultiBackend;
}

/// Makes enums of `text_enum!` the values of [`TextEnum`] columns. It is called next to the queries, because the enums
/// must not depend on diesel.
macro_rules! text_enum_columns {
    ($($value:ident),+ $(,)?) => { $(
        const _: () = {
            use $crate::database::types::{TextEnum, names::*};

            column_value!([] $value, TextEnum);

            impl ToSql<TextEnum, Pg> for $value {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                    std::io::Write::write_all(out, self.as_str().as_bytes())?;
                    Ok(IsNull::No)
                }
            }
            impl FromSql<TextEnum, Pg> for $value {
                fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
                    read_text_enum(stringify!($value), std::str::from_utf8(raw.as_bytes())?, Self::from_text)
                }
            }
            impl ToSql<TextEnum, Sqlite> for $value {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                    out.set_value(self.as_str());
                    Ok(IsNull::No)
                }
            }
            impl FromSql<TextEnum, Sqlite> for $value {
                fn from_sql(raw: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                    read_text_enum(stringify!($value), &sqlite_text(raw)?, Self::from_text)
                }
            }
        };
    )+ };
}
pub(crate) use text_enum_columns;

/// The value of a stored text.
///
/// # Errors
/// [`UnknownText`], which becomes [`super::DatabaseError::Corrupt`].
pub(crate) fn read_text_enum<T>(set: &'static str, text: &str, parse: fn(&str) -> Option<T>) -> deserialize::Result<T> {
    parse(text).ok_or_else(|| UnknownText { set, text: text.to_owned() }.into())
}

pub(crate) fn sqlite_text(raw: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<String> {
    <String as FromSql<sql_types::Text, Sqlite>>::from_sql(raw)
}

macro_rules! multi_type {
    ($($sql:ty),+) => {
        $(impl HasSqlType<$sql> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                MultiBackend::lookup_sql_type::<$sql>(lookup)
            }
        })+
    };
}
multi_type!(Guid, UtcInstant, Json, TextEnum);

column_value!([K: 'static] Id<K>, Guid);
column_value!([] DbInstant, UtcInstant);
column_value!([] JsonValue, Json);
column_value!([] JsonText, Json);
text_enum_columns!(UncheckedText);

impl<K> ToSql<Guid, Pg> for Id<K> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.uuid().as_bytes())?;
        Ok(IsNull::No)
    }
}
impl<K> FromSql<Guid, Pg> for Id<K> {
    fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_uuid(Uuid::from_slice(raw.as_bytes())?))
    }
}
impl<K> ToSql<Guid, Sqlite> for Id<K> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.uuid().as_bytes().to_vec());
        Ok(IsNull::No)
    }
}
impl<K> FromSql<Guid, Sqlite> for Id<K> {
    fn from_sql(raw: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<sql_types::Binary, Sqlite>>::from_sql(raw)?;
        Ok(Self::from_uuid(Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<UtcInstant, Pg> for DbInstant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Timestamptz, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}
impl FromSql<UtcInstant, Pg> for DbInstant {
    fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<sql_types::Timestamptz, Pg>>::from_sql(raw).map(Self)
    }
}
impl ToSql<UtcInstant, Sqlite> for DbInstant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.format(INSTANT_FORMAT).to_string());
        Ok(IsNull::No)
    }
}
impl FromSql<UtcInstant, Sqlite> for DbInstant {
    fn from_sql(raw: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql_types::Text, Sqlite>>::from_sql(raw)?;
        Ok(Self(NaiveDateTime::parse_from_str(&text, INSTANT_FORMAT)?.and_utc()))
    }
}

impl ToSql<Json, Pg> for JsonValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        // The version byte of PostgreSQL's binary format of `jsonb`.
        out.write_all(&[1])?;
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}
impl FromSql<Json, Pg> for JsonValue {
    fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
        match raw.as_bytes() {
            [1, json @ ..] => Ok(Self(serde_json::from_slice(json)?)),
            _ => Err("an unknown version of jsonb".into()),
        }
    }
}
impl ToSql<Json, Sqlite> for JsonValue {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}
impl FromSql<Json, Sqlite> for JsonValue {
    fn from_sql(raw: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql_types::Text, Sqlite>>::from_sql(raw)?;
        Ok(Self(serde_json::from_str(&text)?))
    }
}

impl ToSql<Json, Pg> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}
impl FromSql<Json, Pg> for JsonText {
    fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
        match raw.as_bytes() {
            [1, json @ ..] => Ok(Self(std::str::from_utf8(json)?.to_owned())),
            _ => Err("an unknown version of jsonb".into()),
        }
    }
}
impl ToSql<Json, Sqlite> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_str());
        Ok(IsNull::No)
    }
}
impl FromSql<Json, Sqlite> for JsonText {
    fn from_sql(raw: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<sql_types::Text, Sqlite>>::from_sql(raw).map(Self)
    }
}
