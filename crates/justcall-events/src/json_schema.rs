//! JSON Schema (2020-12) of events, made from the tables that the checks go by.

use super::entity_id::identity_pointers;
use super::metadata::{MAX_ENTITY_ID, MAX_TIME, MAX_TYPE};
use super::{Dialect, Field, Kind, KnownType, Validation, samples};
use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// The dialect of JSON Schema that the schemas are written in.
pub const META_SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

/// E.164 as [`Validation::Strict`] takes it.
const PHONE: &str = r"^\+[1-9][0-9]{6,14}$";
/// An http(s) URL with a host.
const URL: &str = r"^[Hh][Tt][Tt][Pp][Ss]?://([^/?#\s]*@)?[^/?#@:\s\u0000-\u001f\u007f-\u009f][^/?#@\s\u0000-\u001f\u007f-\u009f]*([/?#][^\s\u0000-\u001f\u007f-\u009f]*)?$";
/// RFC 3339 with its `T`, up to the offset.
const TIME: &str = r"^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?";
const ANY_OFFSET: &str = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
const UTC: &str = r"([Zz]|\+00:00)$";
/// Text without control characters, as a key, a header and a log line carry it.
const PLAIN: &str = r"^[^\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]+$";

/// The schema of one type's events in one dialect: what `validation` accepts of it, as far as JSON
/// Schema can say it.
///
/// A part to be used in any document: it names no meta-schema, has no `$id` and refers to nothing. It
/// keeps to keywords that mean the same in draft 7.
///
/// The nine documented types in the documented dialect have their fields. Any other has the envelope of
/// its dialect and an identity by the rule of its family.
pub fn schema(event_type: KnownType, dialect: Dialect, validation: Validation) -> Value {
    let fields = event_type.documented_fields().filter(|_| dialect == Dialect::Documented);
    let data = match fields {
        Some(fields) => documented_data(fields, validation),
        None => data_with_identity(identity_pointers(event_type, dialect)),
    };
    let mut schema = envelope(dialect, json!({ "const": event_type.name() }), data);
    schema["title"] = json!(format!("{event_type} ({dialect})"));
    schema["description"] = json!(event_type.about());
    if let Some((_, sample)) = samples(dialect).find(|(sample, _)| *sample == event_type) {
        schema["examples"] = Value::from_iter(serde_json::from_str::<Value>(sample).ok());
    }
    hold_envelope(&mut schema, dialect, validation);
    schema
}

/// The schema of the events whose type JustCall does not document: the envelope of the dialect.
pub fn schema_of_unknown(dialect: Dialect) -> Value {
    let known = KnownType::ALL.iter().map(|known| known.name());
    let name = json!({
        "type": "string",
        "maxLength": MAX_TYPE,
        "pattern": PLAIN,
        "not": { "enum": known.collect::<Vec<_>>() },
    });
    let mut schema = envelope(dialect, name, json!({ "type": "object" }));
    schema["title"] = json!(format!("Any other type ({dialect})"));
    schema["description"] = json!("An event of a type that JustCall did not document when this was made.");
    schema
}

/// An object that says its type as the dialect has it, and not as the other one does.
fn envelope(dialect: Dialect, name: Value, data: Value) -> Value {
    let (marker, foreign) = match dialect {
        Dialect::Documented => ("event", "type"),
        Dialect::Live => ("type", "event"),
    };
    json!({
        "type": "object",
        "required": [marker, "data"],
        "properties": { marker: about(name, "What happened."), "data": data },
        "not": { "required": [foreign] },
    })
}

/// Adds the envelope's other fields.
fn hold_envelope(schema: &mut Value, dialect: Dialect, validation: Validation) {
    if validation == Validation::Tolerant {
        return;
    }
    match dialect {
        Dialect::Documented => {
            let time = about(time(validation == Validation::Strict), "When it happened.");
            schema["properties"]["timestamp"] = time;
            schema["required"] = json!(["event", "timestamp", "data"]);
        }
        Dialect::Live => {
            let fields = [
                ("request_id", json!({ "type": ["string", "null"] }), "Id of the webhook request: a ULID."),
                ("webhook_url", json!({ "type": ["string", "null"] }), "Where JustCall sends it."),
                ("url_id", json!({ "type": ["string", "integer", "null"] }), "JustCall's id of that URL."),
            ];
            for (name, field, text) in fields {
                schema["properties"][name] = about(field, text);
            }
        }
    }
}

/// `data` of the documented types.
fn documented_data(fields: &[Field], validation: Validation) -> Value {
    let required = |field: &&Field| field.missing(validation).is_some();
    let properties = fields.iter().map(|field| (field.name.to_owned(), of_field(field, validation)));
    json!({
        "type": "object",
        "required": fields.iter().filter(required).map(|field| field.name).collect::<Vec<_>>(),
        "properties": Map::from_iter(properties),
    })
}

fn of_field(field: &Field, validation: Validation) -> Value {
    let schema = match validation {
        Validation::Tolerant if field.is_identity() => an_identity(),
        Validation::Tolerant => json!({}),
        Validation::Documented if field.is_identity() => of_kind(field.kind, false),
        Validation::Documented => or_null(of_kind(field.kind, false)),
        Validation::Strict if field.nullable => or_null(of_kind(field.kind, true)),
        Validation::Strict => of_kind(field.kind, true),
    };
    about(schema, field.about)
}

fn of_kind(kind: Kind, strict: bool) -> Value {
    match kind {
        Kind::Identity => {
            json!({ "type": "string", "minLength": 1, "maxLength": MAX_ENTITY_ID, "pattern": PLAIN })
        }
        Kind::ContactIdentity => json!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": u64::MAX,
            "pattern": "^[1-9][0-9]{0,19}$",
        }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Phone if strict => json!({ "type": "string", "pattern": PHONE }),
        // No format of JSON Schema's means a phone number, and a pattern would be held to.
        Kind::Phone => json!({ "type": "string", "examples": ["+14155550100"] }),
        Kind::Url if strict => json!({ "type": "string", "format": "uri", "pattern": URL }),
        Kind::Url => json!({ "type": "string", "format": "uri" }),
        Kind::Time if strict => time(true),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        Kind::Integer => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
    }
}

fn time(in_utc: bool) -> Value {
    let offset = if in_utc { UTC } else { ANY_OFFSET };
    json!({ "type": "string", "format": "date-time", "maxLength": MAX_TIME, "pattern": format!("{TIME}{offset}") })
}

/// `data` that is identified by the rule of a family: the first field decides that is neither missing
/// nor null nor empty.
fn data_with_identity(pointers: &[&str]) -> Value {
    let names: Vec<_> = pointers.iter().map(|pointer| pointer.trim_start_matches("/data/")).collect();
    let alternatives = names.iter().enumerate().map(|(at, name)| {
        let passed_over = names[..at].iter().map(|name| ((*name).to_owned(), json!({ "enum": [null, ""] })));
        let mut properties = Map::from_iter(passed_over);
        properties.insert((*name).to_owned(), an_identity());
        json!({ "required": [name], "properties": properties })
    });
    json!({ "type": "object", "anyOf": alternatives.collect::<Vec<_>>() })
}

/// A string or a number that identifies a call, message, contact or appointment.
fn an_identity() -> Value {
    json!({ "type": ["string", "integer"], "minLength": 1, "maxLength": MAX_ENTITY_ID, "pattern": PLAIN })
}

fn or_null(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

fn about(mut schema: Value, text: &str) -> Value {
    schema["description"] = json!(text);
    schema
}
