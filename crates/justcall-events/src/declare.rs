//! Macro that turns the declarations of [`catalogue`](crate::catalogue) into code.

/// Declares the event types: [`KnownType`](crate::KnownType), the struct of each type in the documented
/// dialect, [`DocumentedData`](crate::DocumentedData) and the samples.
///
/// A declaration is `Variant = "name", Family { … }`. After the family follows the direction of a type whose
/// body carries none. The braces hold `documented:` with the name and the fields of a struct
/// ([`contract!`](crate::field)) and `live:` with the shape of `data`; a type has at least one of them.
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
            /// Every known type, in the order of [`KnownType::index`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the description, a sentence or two.
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

            /// Returns the fields of `data` in the documented dialect, the identity first. `None`: the type is
            /// not listed in that dialect.
            pub const fn documented_fields(self) -> Option<&'static [$crate::Field]> {
                match self {
                    $($(Self::$variant => Some($documented::FIELDS),)?)*
                    _ => None,
                }
            }

            /// Returns the direction of a type whose body does not carry one.
            pub(crate) const fn implied_direction(self) -> Option<$crate::Direction> {
                match self {
                    $($(Self::$variant => Some($crate::Direction::$direction),)?)*
                    _ => None,
                }
            }

            /// Returns the shape of `data` in the live dialect. `None`: the type is not listed in that dialect.
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

        /// Returns a body of each type that JustCall lists in a dialect, in the order of [`KnownType::ALL`].
        ///
        /// The values are invented. The bodies of the documented dialect pass
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
            /// Returns the type of the event that has these fields.
            pub const fn event_type(&self) -> KnownType {
                match self { $($(Self::$documented(_) => KnownType::$variant,)?)* }
            }

            /// Reads `data` of a type. `None`: the type is not listed in the documented dialect.
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

/// Includes the sample of a type, if the dialect lists it.
macro_rules! sample {
    ($variant:ident, $name:literal, $folder:literal, $listed:ident) => {
        (Self::$variant, include_str!(concat!("samples/", $folder, "/", $name, ".json")))
    };
}

pub(crate) use {event_types, sample};
