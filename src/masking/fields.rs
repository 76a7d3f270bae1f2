//! Meanings of an event's fields, which decide what is printed.

use justcall_events::{Kind, KnownType};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Envelope,
    /// Its fields have their own meanings.
    Object,
    /// Not of a person.
    Id,
    Word,
    Type,
    Time,
    Number,
    FieldName,
    /// Possibly personal data.
    Hidden,
}

/// Live dialect, and documented fields whose kind is too general. Sorted by name.
const FIELDS: &[(&str, Meaning)] = {
    use Meaning::{Hidden, Id, Number, Object, Time, Word};
    &[
        ("action_items", Hidden),
        ("agent_active", Word),
        ("agent_email", Hidden),
        ("agent_id", Id),
        ("agent_name", Hidden),
        ("call_date", Time),
        ("call_duration", Object),
        ("call_id", Id),
        ("call_info", Object),
        ("call_moments", Hidden),
        ("call_score", Number),
        ("call_sid", Id),
        ("call_summary", Hidden),
        ("call_time", Time),
        ("call_traits", Hidden),
        ("call_transcription", Hidden),
        ("call_user_date", Time),
        ("call_user_time", Time),
        ("calendar_id", Id),
        ("campaign", Object),
        ("contact_email", Hidden),
        ("contact_id", Id),
        ("contact_name", Hidden),
        ("contact_number", Hidden),
        ("conversation_time", Number),
        ("cost_incurred", Number),
        ("created_at", Time),
        ("customer_email", Hidden),
        ("customer_ip_address", Hidden),
        ("customer_name", Hidden),
        ("delivery_date", Time),
        ("delivery_status", Word),
        ("delivery_time", Time),
        ("direction", Word),
        ("entered_at_position", Hidden),
        ("exit_reason", Word),
        ("handle_time", Number),
        ("hold_time", Number),
        ("id", Id),
        ("is_deleted", Word),
        ("is_mms", Word),
        ("is_template", Word),
        ("ivr_info", Object),
        ("justcall_ai", Object),
        ("justcall_line_name", Hidden),
        ("justcall_number", Hidden),
        ("last_updated_at", Time),
        ("manual_call_score", Number),
        ("media_url", Hidden),
        ("medium", Word),
        ("message_date", Time),
        ("message_id", Id),
        ("message_info", Object),
        ("message_time", Time),
        ("missed_call_reason", Word),
        ("mms", Object),
        ("other_numbers", Hidden),
        ("queue", Object),
        ("queue_wait_time", Number),
        ("rating", Hidden),
        ("read_date", Time),
        ("read_time", Time),
        ("recording", Hidden),
        ("recording_child", Hidden),
        ("ring_time", Number),
        ("sms_date", Time),
        ("sms_info", Object),
        ("sms_time", Time),
        ("sms_user_date", Time),
        ("sms_user_time", Time),
        ("status", Word),
        ("status_updated_at", Time),
        ("tags", Hidden),
        ("template", Hidden),
        ("total_duration", Number),
        ("type", Word),
        ("voicemail_transcription", Hidden),
        ("wrap_up_time", Number),
    ]
};

const ENVELOPE: &[(&str, Meaning)] = &[
    ("data", Meaning::Object),
    ("event", Meaning::Type),
    ("metadata", Meaning::Hidden),
    ("request_id", Meaning::Id),
    ("timestamp", Meaning::Time),
    ("type", Meaning::Type),
    ("url_id", Meaning::Id),
    ("webhook_url", Meaning::Hidden),
];

/// `None` if even the name may be personal data.
pub(super) fn meaning(name: &str, inside: Meaning) -> Option<Meaning> {
    match inside {
        Meaning::Hidden => None,
        Meaning::Envelope => find(ENVELOPE, name),
        _ => find(FIELDS, name).or_else(|| documented(name)),
    }
}

pub(super) fn is_known(name: &str) -> bool {
    meaning(name, Meaning::Object).is_some()
}

fn find(fields: &[(&str, Meaning)], name: &str) -> Option<Meaning> {
    fields.iter().find(|(each, _)| *each == name).map(|(_, meaning)| *meaning)
}

/// Uses the contract, in any event.
fn documented(name: &str) -> Option<Meaning> {
    let fields = KnownType::ALL.iter().filter_map(|known| known.documented_fields()).flatten();
    let mut kinds = fields.filter(|field| field.name == name).map(|field| of_kind(field.kind));
    let first = kinds.next()?;
    // If two events use a name differently, its values are hidden.
    Some(if kinds.all(|other| other == first) { first } else { Meaning::Hidden })
}

const fn of_kind(kind: Kind) -> Meaning {
    match kind {
        Kind::Identity | Kind::ContactIdentity => Meaning::Id,
        Kind::Time => Meaning::Time,
        Kind::Count | Kind::Integer => Meaning::Number,
        Kind::Texts => Meaning::FieldName,
        Kind::Text | Kind::Phone | Kind::Url => Meaning::Hidden,
    }
}
