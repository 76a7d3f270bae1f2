//! Named fields of every sample of both dialects.

use crate::routing::field_values::{FieldRef, FieldTable, FieldValue, FieldValues};
use justcall_events::{
    BodyHash, Dialect, Event, Family, NamedField, Picks, Scanned, Validation, samples, scan_with,
};
use std::collections::BTreeSet;

/// Returns the text of each named field, or `-`.
fn texts(body: &str, fields: &[&str]) -> Vec<String> {
    let mut pointers = FieldTable::default();
    let fields: Vec<FieldRef> = fields.iter().map(|field| pointers.read(field).unwrap()).collect();
    let mut picks = Picks::of(pointers.picks());
    let Ok(Scanned::Envelope(envelope)) = scan_with(body.as_bytes(), &mut picks) else { panic!("{body}") };
    let hash = BodyHash::of(body.as_bytes());
    let event: Event<'_> = envelope.validate_with(Validation::Tolerant, &hash, &mut picks).unwrap();
    let values = FieldValues::new(&pointers, &picks, &event);
    let text = |field| match values.get(field) {
        FieldValue::Text(text) => text.to_string(),
        FieldValue::Absent => "-".into(),
        FieldValue::Other => "?".into(),
    };
    fields.iter().map(text).collect()
}

const FIELDS: [&str; 8] =
    ["direction", "agent", "from", "to", "contact_number", "justcall_number", "disposition", "recording"];

/// Direction, agent, last four digits of the numbers as from>to and contact/account, disposition (D) and
/// recording (R).
const EXPECTED: &str = "
documented call.completed: inbound 17 0123>0100 0123/0100 DR
documented call.missed: inbound - 0147>0100 0147/0100 --
documented call.answered: inbound 17 0123>0100 0123/0100 --
documented sms.received: inbound - 0162>0100 0162/0100 --
documented sms.sent: outbound 23 0100>0162 0162/0100 --
documented sms.delivered: outbound - 0100>0162 0162/0100 --
documented voicemail.received: inbound 23 0147>0100 0147/0100 -R
documented contact.created: - - ->- 0178/- --
documented contact.updated: - - ->- 0179/- --
live call.completed: inbound 17 0123>0100 0123/0100 DR
live call.missed: inbound - 0147>0100 0147/0100 --
live call.answered: inbound 17 0123>0100 0123/0100 --
live sms.received: inbound - 0162>0100 0162/0100 --
live sms.sent: outbound 23 0100>0162 0162/0100 --
live call.incoming: inbound - 0123>0100 0123/0100 --
live call.initiated: outbound 17 0100>0123 0123/0100 --
live call.voicemail: inbound - 0147>0100 0147/0100 -R
live call.enters_queue: inbound - 0123>0100 0123/0100 --
live call.exits_queue: inbound - 0123>0100 0123/0100 --
live call.updated: inbound 17 0123>0100 0123/0100 DR
live call.ai_voice_agent: inbound - 0123>0100 0123/0100 --
live jc.call_ai_generated: - 17 ->- 0123/0100 --
live sms.sent_received: outbound 23 0100>0162 0162/0100 --
live sms.status_updated: outbound 23 0100>0162 0162/0100 --
live whatsapp.message_sent: outbound 23 0100>0162 0162/0100 --
live whatsapp.message_received: inbound 23 0162>0100 0162/0100 --
live whatsapp.message_status_updated: outbound 23 0100>0162 0162/0100 --
live jc.contact_status_updated: - 17 ->- 0179/- --
live appointment.scheduled: - - ->- 0179/- --
live sd.call_completed: outbound 23 ->0184 0184/- DR
live sd.call_updated: - - ->- -/- D-
live sd.call_ai_generated: - - ->- -/- --
";

#[test]
fn named_fields_are_equal_in_samples_of_both_dialects() {
    assert_eq!(NamedField::ALL.len(), FIELDS.len(), "every field is in this table");
    let mut table = String::from("\n");
    for (dialect, (known, body)) in
        Dialect::ALL.into_iter().flat_map(|dialect| samples(dialect).map(move |sample| (dialect, sample)))
    {
        let found = texts(body, &FIELDS);
        let [direction, agent, from, to, contact, account, disposition, recording] = &found[..] else {
            panic!("{found:?}")
        };
        let digits = |number: &str| match number.strip_prefix("+1415555") {
            Some(digits) => digits.to_owned(),
            None => number.to_owned(),
        };
        let there = |text: &str, letter| if text == "-" { "-" } else { letter };
        let numbers = format!("{}>{} {}/{}", digits(from), digits(to), digits(contact), digits(account));
        let last = [there(disposition, "D"), there(recording, "R")].concat();
        table += &format!("{dialect} {known}: {direction} {agent} {numbers} {last}\n");
    }
    assert_eq!(table, EXPECTED);
}

#[test]
fn values_of_any_json_type_are_normalised() {
    let call = |data: &str| format!(r#"{{"type":"call.new","data":{{"call_sid":"CA1",{data}}}}}"#);
    let found = |data: &str| texts(&call(data), &["direction", "from", "to", "agent"]).join(" ");
    let both = r#""contact_number":14155550123,"justcall_number":"+14155550100","agent_id":"17""#;
    assert_eq!(
        found(&format!(r#""call_info":{{"direction":"INCOMING"}},{both}"#)),
        "inbound +14155550123 +14155550100 17"
    );
    assert_eq!(
        found(&format!(r#""call_info":{{"direction":"outgoing"}},{both}"#)),
        "outbound +14155550100 +14155550123 17"
    );
    assert_eq!(found(&format!(r#""call_info":{{"direction":"sideways"}},{both}"#)), "sideways - - 17");
    assert_eq!(found(both), "- - - 17", "without a direction nobody knows who called");
    assert_eq!(found(r#""call_info":{"direction":["Incoming"]},"agent_id":{}"#), "? - - ?");
    let short = r#""call_info":{"direction":"Incoming"},"contact_number":"72872""#;
    assert_eq!(found(short), "inbound 72872 - -", "a short code has no country code");
}

#[test]
fn event_without_a_family_has_no_named_fields() {
    let body = r#"{"type":"party.started","data":{"direction":"Incoming","agent_id":17}}"#;
    assert_eq!(texts(body, &["direction", "agent", "/data/direction"]), ["-", "-", "Incoming"]);
}

/// Returns the pointers that a text names, each once.
fn pointers(text: &str) -> BTreeSet<&str> {
    text.split('`').filter(|part| part.starts_with("/data/")).collect()
}

#[test]
fn documentation_lists_the_places_of_every_field() {
    let document = include_str!("../../../docs/how-to/mapping.md");
    let example = include_str!("../../../config/bridge.yaml");
    for field in NamedField::ALL {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{}` | ", field.name())));
        let columns: Vec<_> = row.unwrap_or_else(|| panic!("{}", field.name())).split('|').collect();
        for (dialect, column) in Dialect::ALL.into_iter().zip(&columns[3..]) {
            let places = Family::ALL.into_iter().flat_map(|family| field.places(dialect, family));
            let expected: BTreeSet<_> = places.map(|place| place.pointer).collect();
            assert_eq!(pointers(column), expected, "{} in the {dialect} dialect", field.name());
        }
    }
    let names: Vec<_> = NamedField::ALL.iter().map(|field| field.name()).collect();
    let comment = example.lines().filter_map(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join(" ");
    assert!(comment.contains(&format!("({})", names.join(", "))), "config/bridge.yaml lists the names");
}
