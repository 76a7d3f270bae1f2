/// Declares the event types, with their documented structs and samples.
///
/// `Variant = "name", Family[, Direction] { … }`: `Direction` is for bodies that carry none. The braces hold
/// `documented:` (a struct, see [`contract!`](crate::field)), `live:` (the shape of `data`), or both.
macro_rules! event_types {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident = $name:literal, $family:ident $(, $direction:ident)? {
            $(documented: $documented:ident $fields:tt)?
            $(live: $live:ident)?
        }
    )*) => {
        /// Event type that JustCall documents in either dialect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum KnownType {
            $($(#[doc = $doc])* $variant,)*
        }

        impl KnownType {
            /// Every known type, in order of [`KnownType::index`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the description.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }

            /// Returns the family.
            pub const fn family(self) -> $crate::Family {
                match self { $(Self::$variant => $crate::Family::$family,)* }
            }

            /// Returns whether JustCall lists the type in a dialect.
            pub const fn is_listed_in(self, dialect: $crate::Dialect) -> bool {
                let (documented, live): (&[&str], &[&str]) = match self {
                    $(Self::$variant => (&[$(stringify!($documented))?], &[$(stringify!($live))?]),)*
                };
                match dialect {
                    $crate::Dialect::Documented => !documented.is_empty(),
                    $crate::Dialect::Live => !live.is_empty(),
                }
            }

            /// Returns the known type of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Returns the fields of documented `data`, the identity first. `None`: not in that dialect.
            pub const fn documented_fields(self) -> Option<&'static [$crate::Field]> {
                match self {
                    $($(Self::$variant => Some($documented::FIELDS),)?)*
                    _ => None,
                }
            }

            pub(crate) const fn implied_direction(self) -> Option<$crate::Direction> {
                match self {
                    $($(Self::$variant => Some($crate::Direction::$direction),)?)*
                    _ => None,
                }
            }

            pub(crate) const fn live_kind(self) -> Option<$crate::live::LiveKind> {
                match self {
                    $($(Self::$variant => Some($crate::live::LiveKind::$live),)?)*
                    _ => None,
                }
            }

            fn samples(dialect: $crate::Dialect) -> &'static [(Self, &'static str)] {
                match dialect {
                    $crate::Dialect::Documented => {
                        &[$($($crate::declare::sample!($variant, $name, "documented", $documented),)?)*]
                    }
                    $crate::Dialect::Live => {
                        &[$($($crate::declare::sample!($variant, $name, "live", $live),)?)*]
                    }
                }
            }
        }

        /// Returns an invented body of each type in a dialect. Documented ones pass
        /// [`Validation::Strict`](crate::Validation::Strict).
        pub fn samples(dialect: $crate::Dialect) -> impl Iterator<Item = (KnownType, &'static str)> {
            KnownType::samples(dialect).iter().copied()
        }

        $($($crate::field::contract! { $name, $documented $fields })?)*

        /// Fields of `data` in the documented dialect, by type.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum DocumentedData<'a> {
            $($(#[doc = concat!("`", $name, "`")] $documented($documented<'a>),)?)*
        }

        impl<'a> DocumentedData<'a> {
            /// Returns the type with these fields.
            pub const fn event_type(&self) -> KnownType {
                match self { $($(Self::$documented(_) => KnownType::$variant,)?)* }
            }

            pub(crate) fn read(
                event_type: KnownType,
                data: &'a str,
            ) -> Option<Result<Self, serde_json::Error>> {
                match event_type {
                    $($(KnownType::$variant => {
                        Some($crate::documented::read_object(data).map(Self::$documented))
                    })?)*
                    _ => None,
                }
            }
        }
    };
}

macro_rules! sample {
    ($variant:ident, $name:literal, $folder:literal, $listed:ident) => {
        (Self::$variant, include_str!(concat!("samples/", $folder, "/", $name, ".json")))
    };
}

pub(crate) use {event_types, sample};
