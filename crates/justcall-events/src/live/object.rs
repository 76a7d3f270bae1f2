//! Objects of the live dialect: one declaration gives struct, reader, writer and schema table.

use super::value::{Json, Read};
use crate::json::{Value, each_field};
use serde::Serialize;
use serde::ser::SerializeMap;
use std::collections::BTreeMap;

pub(crate) trait Object<'a>: Default {
    /// Returns false for an unknown field or a value of another type.
    fn set(&mut self, name: &str, value: Value<'a>) -> bool;

    fn other(&mut self) -> &mut BTreeMap<String, Json<'a>>;
}

/// The last of repeated fields counts.
pub(super) fn read_object<'a, T: Object<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    let mut object = T::default();
    each_field(text, |name, value| {
        let value = Value::from(value);
        if object.set(name, value) {
            object.other().remove(name);
        } else {
            object.other().insert(name.to_owned(), Json::new(value));
        }
    })?;
    Ok(object)
}

pub(super) fn read_fields(text: &str) -> Result<BTreeMap<String, Json<'_>>, serde_json::Error> {
    let mut fields = BTreeMap::new();
    each_field(text, |name, value| {
        fields.insert(name.to_owned(), Json::new(value.into()));
    })?;
    Ok(fields)
}

/// Null reads like a missing field. Returns whether the type is right.
pub(super) fn replace<'a, T: Read<'a>>(field: &mut Option<T>, value: Value<'a>) -> bool {
    *field = T::read(value);
    field.is_some() || value.is_null()
}

pub(super) fn entry<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: &Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.as_ref().map_or(Ok(()), |value| map.serialize_entry(name, value))
}

pub(super) fn entries<M: SerializeMap>(
    map: &mut M,
    other: &BTreeMap<String, Json<'_>>,
) -> Result<(), M::Error> {
    other.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
}

#[cfg(feature = "schema")]
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) fields: &'static [ShapeField],
}

#[cfg(feature = "schema")]
#[derive(Debug)]
pub(crate) struct ShapeField {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) holds: Holds,
}

/// Usual type of a field.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub(crate) enum Holds {
    Text,
    Scalar,
    /// Or one string with commas.
    Texts,
    Json,
    Object(&'static Shape),
    Objects(&'static Shape),
}

/// Declares an object: `field: Kind`, or `field = "name": Kind` for keywords of Rust.
macro_rules! live_object {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident $(= $wire:literal)?: $kind:ident $(<$inner:ident>)?,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct $name<'a> {
            $($(#[doc = $field_doc])*
            pub $field: Option<$crate::live::object::of_kind!('a $kind $($inner)?)>,)*
            /// Unknown fields, and values of another type.
            pub other: std::collections::BTreeMap<String, $crate::live::Json<'a>>,
        }

        impl<'a> $crate::live::object::Object<'a> for $name<'a> {
            fn set(&mut self, name: &str, value: $crate::json::Value<'a>) -> bool {
                $(if name == $crate::live::object::wire_name!($field $($wire)?) {
                    return $crate::live::object::replace(&mut self.$field, value);
                })*
                false
            }

            fn other(&mut self) -> &mut std::collections::BTreeMap<String, $crate::live::Json<'a>> {
                &mut self.other
            }
        }

        impl<'a> $crate::live::value::Read<'a> for $name<'a> {
            fn read(value: $crate::json::Value<'a>) -> Option<Self> {
                $crate::live::object::read_object(value.text()).ok()
            }
        }

        impl<'a> $crate::live::value::Read<'a> for Vec<$name<'a>> {
            fn read(value: $crate::json::Value<'a>) -> Option<Self> {
                $crate::live::value::read_items(value)
            }
        }

        impl serde::Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $($crate::live::object::entry(
                    &mut map,
                    $crate::live::object::wire_name!($field $($wire)?),
                    &self.$field,
                )?;)*
                $crate::live::object::entries(&mut map, &self.other)?;
                serde::ser::SerializeMap::end(map)
            }
        }

        #[cfg(feature = "schema")]
        impl $name<'_> {
            pub(crate) const SHAPE: $crate::live::Shape = $crate::live::Shape {
                title: stringify!($name),
                about: concat!($($doc),*).trim_ascii(),
                fields: &[$($crate::live::ShapeField {
                    name: $crate::live::object::wire_name!($field $($wire)?),
                    about: concat!($($field_doc),*).trim_ascii(),
                    holds: $crate::live::object::holds!($kind $($inner)?),
                },)*],
            };
        }
    };
}

macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:literal) => {
        $wire
    };
}

macro_rules! of_kind {
    ($a:lifetime Text) => { $crate::Text<$a> };
    ($a:lifetime Scalar) => { $crate::live::Scalar<$a> };
    ($a:lifetime Texts) => { Vec<$crate::Text<$a>> };
    ($a:lifetime Json) => { $crate::live::Json<$a> };
    ($a:lifetime Object $inner:ident) => { $inner<$a> };
    ($a:lifetime Objects $inner:ident) => { Vec<$inner<$a>> };
}

#[cfg(feature = "schema")]
macro_rules! holds {
    ($kind:ident) => {
        $crate::live::Holds::$kind
    };
    ($kind:ident $inner:ident) => {
        $crate::live::Holds::$kind(&$inner::SHAPE)
    };
}

#[cfg(feature = "schema")]
pub(crate) use holds;
pub(crate) use {live_object, of_kind, wire_name};
