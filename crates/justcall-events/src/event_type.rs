//! The names on the wire: dialects, families and every event type that JustCall documents.

use crate::KnownType;
use std::borrow::Cow;
use std::fmt;

/// Which of JustCall's two webhook formats a body is written in.
///
/// A top-level string `event` marks the documented one, a top-level string `type` the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As in JustCall's webhook events reference: `event`, `timestamp`, `data`.
    Documented,
    /// As its servers send today: `request_id`, `webhook_url`, `type`, `data`.
    Live,
}

impl Dialect {
    /// Both dialects, in the order of [`Dialect::index`].
    pub const ALL: [Self; 2] = [Self::Documented, Self::Live];

    /// Position in [`Dialect::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The value of the `ce_dialect` header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an event is about, which decides the field that identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// A call, its voicemail and what was worked out from it afterwards, the Sales Dialer's included.
    Call,
    /// A text message.
    Sms,
    /// A WhatsApp message.
    Whatsapp,
    /// An entry of the address book.
    Contact,
    /// A booking.
    Appointment,
}

impl Family {
    /// Every family, in the order of [`Family::index`].
    pub const ALL: [Self; 5] = [Self::Call, Self::Sms, Self::Whatsapp, Self::Contact, Self::Appointment];

    /// The name used in settings and in topic templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Contact => "contact",
            Self::Appointment => "appointment",
        }
    }

    /// The family of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Position in [`Family::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The family that a type's name tells, for JustCall adds types every few months and a new call
    /// type is still about a call. `None` where the name tells nothing.
    pub fn of_name(event_type: &str) -> Option<Self> {
        const PREFIXES: [(&str, Family); 9] = [
            ("call.", Family::Call),
            ("voicemail.", Family::Call),
            ("jc.call_", Family::Call),
            ("sd.call_", Family::Call),
            ("sms.", Family::Sms),
            ("whatsapp.", Family::Whatsapp),
            ("contact.", Family::Contact),
            ("jc.contact_", Family::Contact),
            ("appointment.", Family::Appointment),
        ];
        PREFIXES.iter().find(|(prefix, _)| event_type.starts_with(prefix)).map(|(_, family)| *family)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl KnownType {
    /// Position in [`KnownType::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for KnownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type a body says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventType<'a> {
    /// One that JustCall documents, in either dialect.
    Known(KnownType),
    /// Any other name.
    Unknown(Cow<'a, str>),
}

impl<'a> EventType<'a> {
    /// Reads a type's name.
    pub fn from_name(name: Cow<'a, str>) -> Self {
        KnownType::from_name(&name).map_or(Self::Unknown(name), Self::Known)
    }

    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name(),
            Self::Unknown(name) => name,
        }
    }

    /// What the event is about, if the name tells.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Known(known) => Some(known.family()),
            Self::Unknown(name) => Family::of_name(name),
        }
    }

    /// The known type, if it is one.
    pub const fn known(&self) -> Option<KnownType> {
        match self {
            Self::Known(known) => Some(*known),
            Self::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
