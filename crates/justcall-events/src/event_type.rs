use crate::KnownType;
use std::borrow::Cow;
use std::fmt;

/// Webhook format of JustCall, identified by its top-level string `event` (documented) or `type` (live).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Webhook events reference: `event`, `timestamp`, `data`.
    Documented,
    /// JustCall's servers: `request_id`, `webhook_url`, `type`, `data`.
    Live,
}

impl Dialect {
    /// Both dialects, in order of [`Dialect::index`].
    pub const ALL: [Self; 2] = [Self::Documented, Self::Live];

    /// Returns the position in [`Dialect::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the `ce_dialect` header.
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

/// Kind of entity, which determines the fields that identify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Call, also of the Sales Dialer, with its voicemail and AI report.
    Call,
    /// Text message.
    Sms,
    /// WhatsApp message.
    Whatsapp,
    /// Address book contact.
    Contact,
    /// Appointment.
    Appointment,
}

impl Family {
    /// Every family, in order of [`Family::index`].
    pub const ALL: [Self; 5] = [Self::Call, Self::Sms, Self::Whatsapp, Self::Contact, Self::Appointment];

    /// Returns the name used in settings and topic templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Contact => "contact",
            Self::Appointment => "appointment",
        }
    }

    /// Returns the family of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Returns the position in [`Family::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the family by the name's prefix, because JustCall keeps adding types.
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
    /// Returns the position in [`KnownType::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for KnownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Type named by a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventType<'a> {
    /// Documented in either dialect.
    Known(KnownType),
    /// Any other name.
    Unknown(Cow<'a, str>),
}

impl<'a> EventType<'a> {
    /// Returns the type of that name.
    pub fn from_name(name: Cow<'a, str>) -> Self {
        KnownType::from_name(&name).map_or(Self::Unknown(name), Self::Known)
    }

    /// Returns the name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name(),
            Self::Unknown(name) => name,
        }
    }

    /// Returns the family, `None` for an unknown prefix.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Known(known) => Some(known.family()),
            Self::Unknown(name) => Family::of_name(name),
        }
    }

    /// Returns the known type.
    pub const fn known(&self) -> Option<KnownType> {
        match self {
            Self::Known(known) => Some(*known),
            Self::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_lists_as_many_types_as_justcall_documents() {
        let listed = |dialect| KnownType::ALL.iter().filter(|known| known.is_listed_in(dialect)).count();
        assert_eq!((listed(Dialect::Documented), listed(Dialect::Live)), (9, 23));
    }

    #[test]
    fn every_known_type_is_found_by_its_name_and_is_at_its_index() {
        for (at, known) in KnownType::ALL.iter().enumerate() {
            assert_eq!(KnownType::from_name(known.name()), Some(*known));
            assert_eq!(known.index(), at);
            assert!(known.is_listed_in(Dialect::Documented) || known.is_listed_in(Dialect::Live), "{known}");
        }
    }

    #[test]
    fn every_family_is_found_by_its_name_and_is_at_its_index() {
        for (at, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(Family::from_name(family.name()), Some(family));
            assert_eq!(family.index(), at);
        }
        assert_eq!(Family::from_name("Call"), None);
    }

    #[test]
    fn family_of_a_name_is_that_of_the_catalogue() {
        for known in KnownType::ALL {
            assert_eq!(Family::of_name(known.name()), Some(known.family()), "{known}");
        }
    }

    #[test]
    fn unknown_type_has_the_family_of_its_prefix() {
        for (name, family) in [
            ("call.transferred", Some(Family::Call)),
            ("voicemail.deleted", Some(Family::Call)),
            ("sd.call_started", Some(Family::Call)),
            ("sms.optout", Some(Family::Sms)),
            ("whatsapp.reaction", Some(Family::Whatsapp)),
            ("contact.deleted", Some(Family::Contact)),
            ("appointment.cancelled", Some(Family::Appointment)),
            ("caller.id", None),
            ("CALL.completed", None),
            ("", None),
        ] {
            assert_eq!(Family::of_name(name), family, "{name}");
        }
    }

    #[test]
    fn unlisted_name_is_unchanged() {
        let event_type = EventType::from_name(Cow::Borrowed("sms.optin"));
        assert_eq!((event_type.name(), event_type.known()), ("sms.optin", None));
        assert_eq!(event_type.family(), Some(Family::Sms));
    }
}
