//! Forms, changes and answers with the fields about a person between fields of their own: macros to call with the rows
//! of the table, as in `personal_fields! { form_struct { .. } }`.

/// Defines a form: a struct with the fields of a person between its own fields.
macro_rules! form_struct {
    ({ $(#[$meta:meta])* pub struct $form_name:ident { $($before:tt)* } then { $($after:tt)* } }
        $({ [$($doc:tt)*] $name:ident $output:ident { [$([$($default:tt)*])?] $form:ty } $change:tt $stored:tt
            $column:tt $answer:tt $field:tt })*) => {
        $(#[$meta])*
        pub struct $form_name {
            $($before)*
            $($($doc)* $(#[deserr($($default)*)] #[schema(required = false)])? pub $name: $form,)*
            $($after)*
        }

        impl $form_name {
            /// The data about the person; `language` is that of their letters if the form names none.
            pub fn person(&self, language: &str) -> $crate::registration::fields::PersonalDetails {
                $crate::registration::fields::PersonalDetails {
                    $($name: $crate::registration::field_values::ToStored::to_stored(&self.$name, language)),*
                }
            }
        }
    };
}
pub(crate) use form_struct;

/// Defines what can be changed: as [`form_struct`], but with what a registration always has.
macro_rules! change_struct {
    ({ $($arguments:tt)* }
        $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt $answer:tt $field:tt })*) => {
        $crate::registration::field_structs::form_struct! {
            { $($arguments)* }
            $({ $doc $name $output $change $change $stored $column $answer $field })*
        }
    };
}
pub(crate) use change_struct;

/// Defines an answer: a struct with the fields of a person between its own fields.
macro_rules! view_struct {
    ({ $(#[$meta:meta])* pub struct $view:ident { $($before:tt)* } then { $($after:tt)* } }
        $({ [$($doc:tt)*] $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt { $answer:ty }
            $field:tt })*) => {
        $(#[$meta])*
        pub struct $view {
            $($before)*
            $($($doc)* pub $output: $answer,)*
            $($after)*
        }
    };
}
pub(crate) use view_struct;

/// An answer that [`view_struct`] defined, with the fields of `$person` and its own ones.
macro_rules! view {
    ({ $view:ident { $($own:tt)* } of $person:expr }
        $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt $answer:tt $field:tt })*) => {
        $view {
            $($output: $crate::registration::field_values::StoredValue::output(&$person.$name),)*
            $($own)*
        }
    };
}
pub(crate) use view;

/// A form that [`form_struct`] defined, with the fields of a person from another form and its own ones.
macro_rules! form_of {
    ({ $form_name:ident { $($own:tt)* } of $other:expr }
        $({ $doc:tt $name:ident $output:ident $form:tt $change:tt $stored:tt $column:tt $answer:tt $field:tt })*) => {
        $form_name {
            $($name: $other.$name.clone(),)*
            $($own)*
        }
    };
}
pub(crate) use form_of;
