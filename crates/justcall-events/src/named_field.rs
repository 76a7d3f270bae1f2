//! Named fields, shared by both dialects: a JSON pointer in a route fits one dialect only.

use crate::{Dialect, EventType, Family};
use std::borrow::Cow;

/// Direction as seen from the JustCall account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Contact to account.
    Inbound,
    /// Account to contact.
    Outbound,
}

impl Direction {
    /// Returns the documented name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// Reads the word of either dialect, in any case.
    pub fn from_text(text: &str) -> Option<Self> {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is("inbound") || is("incoming") {
            Some(Self::Inbound)
        } else if is("outbound") || is("outgoing") {
            Some(Self::Outbound)
        } else {
            None
        }
    }

    /// Returns the direction of a type whose body carries none.
    pub const fn implied_by(event_type: &EventType<'_>) -> Option<Self> {
        match event_type.known() {
            Some(known) => known.implied_direction(),
            None => None,
        }
    }
}

/// Position of a named field in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// JSON pointer (RFC 6901).
    pub pointer: &'static str,
    /// Direction of the events with the field here. `None`: any.
    pub direction: Option<Direction>,
}

const fn at(pointer: &'static str) -> Place {
    Place { pointer, direction: None }
}

const fn inbound(pointer: &'static str) -> Place {
    Place { pointer, direction: Some(Direction::Inbound) }
}

const fn outbound(pointer: &'static str) -> Place {
    Place { pointer, direction: Some(Direction::Outbound) }
}

macro_rules! named_fields {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// Field that means the same in both dialects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum NamedField {
            $($(#[doc = $doc])* $variant,)*
        }

        impl NamedField {
            /// Every named field, in documentation order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name used in routes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the field of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

named_fields! {
    /// Direction: `inbound` or `outbound`.
    Direction = "direction";
    /// Caller's or sender's number.
    From = "from";
    /// Called or receiving number.
    To = "to";
    /// Agent's id.
    Agent = "agent";
    /// Contact's number.
    ContactNumber = "contact_number";
    /// Account's number.
    JustcallNumber = "justcall_number";
    /// Disposition of the call.
    Disposition = "disposition";
    /// URL of the recording.
    Recording = "recording";
}

impl NamedField {
    /// Returns the places of the field in events of a family, in order of preference.
    ///
    /// Sources: JustCall's webhook events reference (documented), the bodies that it sends (live).
    pub const fn places(self, dialect: Dialect, family: Family) -> &'static [Place] {
        use Dialect::{Documented, Live};
        use Family::{Appointment, Call, Contact, Sms, Whatsapp};
        match (self, dialect, family) {
            (Self::Direction, Documented, Call | Sms) | (Self::Direction, Live, Sms | Whatsapp) => {
                const { &[at("/data/direction")] }
            }
            (Self::Direction, Live, Call) => const { &[at("/data/call_info/direction")] },

            (Self::From, Documented, Call | Sms) => const { &[at("/data/from")] },
            (Self::From, Live, Call | Sms | Whatsapp) => {
                const { &[inbound("/data/contact_number"), outbound("/data/justcall_number")] }
            }
            (Self::To, Documented, Call | Sms) => const { &[at("/data/to")] },
            (Self::To, Live, Call | Sms | Whatsapp) => {
                const { &[inbound("/data/justcall_number"), outbound("/data/contact_number")] }
            }

            (Self::Agent, Documented, Call | Sms) | (Self::Agent, Live, Call | Sms | Whatsapp | Contact) => {
                const { &[at("/data/agent_id")] }
            }

            (Self::ContactNumber, Documented, Call | Sms) => {
                const { &[inbound("/data/from"), outbound("/data/to")] }
            }
            (Self::ContactNumber, Documented, Contact) => const { &[at("/data/phone")] },
            (Self::ContactNumber, Live, Call | Sms | Whatsapp | Contact) => {
                const { &[at("/data/contact_number")] }
            }
            (Self::ContactNumber, Live, Appointment) => const { &[at("/data/customer_phone")] },

            (Self::JustcallNumber, Documented, Call | Sms) => {
                const { &[inbound("/data/to"), outbound("/data/from")] }
            }
            (Self::JustcallNumber, Live, Call | Sms | Whatsapp) => const { &[at("/data/justcall_number")] },

            (Self::Disposition, Documented, Call) => const { &[at("/data/disposition")] },
            (Self::Disposition, Live, Call) => const { &[at("/data/call_info/disposition")] },

            (Self::Recording, Documented, Call) => const { &[at("/data/recording_url")] },
            (Self::Recording, Live, Call) => const { &[at("/data/call_info/recording")] },

            _ => &[],
        }
    }

    /// Returns whether the value is a phone number.
    pub const fn is_phone(self) -> bool {
        matches!(self, Self::From | Self::To | Self::ContactNumber | Self::JustcallNumber)
    }

    /// Returns directions and phone numbers (`+14155550123`) in one spelling, other text unchanged.
    pub fn normalize(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::Direction => match Direction::from_text(&text) {
                Some(direction) => Cow::Borrowed(direction.name()),
                None => text,
            },
            _ if self.is_phone() && lacks_plus(&text) => Cow::Owned(format!("+{text}")),
            _ => text,
        }
    }
}

/// Shorter numbers are short codes, which have no `+`.
fn lacks_plus(text: &str) -> bool {
    (7..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for field in NamedField::ALL {
            assert_eq!(NamedField::from_name(field.name()), Some(*field));
            assert!(!field.name().starts_with('/'), "{} would read as a JSON pointer", field.name());
        }
        assert_eq!(NamedField::from_name("Direction"), None);
    }

    #[test]
    fn every_field_has_a_place_in_both_dialects() {
        for field in NamedField::ALL {
            for dialect in Dialect::ALL {
                let places = Family::ALL.map(|family| field.places(dialect, family).len());
                assert!(places.iter().sum::<usize>() > 0, "{} in the {dialect} dialect", field.name());
            }
        }
    }

    /// Routes compile one lookup of the direction for dependent fields.
    #[test]
    fn direction_depends_on_no_other_field_and_places_are_in_data() {
        for (dialect, family) in
            Dialect::ALL.into_iter().flat_map(|each| Family::ALL.map(|family| (each, family)))
        {
            let direction = NamedField::Direction.places(dialect, family);
            assert!(direction.iter().all(|place| place.direction.is_none()));
            for field in NamedField::ALL {
                for place in field.places(dialect, family) {
                    assert!(place.pointer.starts_with("/data/"), "{place:?}");
                    assert!(
                        place.direction.is_none() || !direction.is_empty(),
                        "{place:?} needs a direction"
                    );
                }
            }
        }
    }

    #[test]
    fn values_are_normalised_to_one_spelling() {
        let normal = |field: NamedField, text: &str| field.normalize(Cow::Borrowed(text)).into_owned();
        for (text, expected) in [
            ("inbound", "inbound"),
            ("Incoming", "inbound"),
            ("INCOMING", "inbound"),
            ("Outgoing", "outbound"),
            ("outbound", "outbound"),
            ("internal", "internal"),
        ] {
            assert_eq!(normal(NamedField::Direction, text), expected);
        }
        for (text, expected) in [
            ("14155550123", "+14155550123"),
            ("+14155550123", "+14155550123"),
            ("2904567", "+2904567"),
            ("728728", "728728"),
            ("1234567890123456", "1234567890123456"),
            ("JUSTCALL", "JUSTCALL"),
            ("(415) 555-0123", "(415) 555-0123"),
        ] {
            for field in NamedField::ALL.iter().filter(|field| field.is_phone()) {
                assert_eq!(normal(*field, text), expected, "{}", field.name());
            }
        }
        assert_eq!(normal(NamedField::Agent, "14155550123"), "14155550123");
        assert!(matches!(NamedField::From.normalize(Cow::Borrowed("+1415")), Cow::Borrowed(_)));
    }
}
