//! JSON Schema (2020-12) of events, generated from the tables of validation and the typed views.

use crate::entity_id::identity_pointers;
use crate::live::{Holds, Shape, ShapeField};
use crate::metadata::{MAX_ENTITY_ID, MAX_TIME, MAX_TYPE};
use crate::{Dialect, Field, Kind, KnownType, Validation, samples};
use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// JSON Schema dialect.
pub const META_SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";

const PHONE: &str = r"^\+[1-9][0-9]{6,14}$";
const URL: &str = r"^[Hh][Tt][Tt][Pp][Ss]?://([^/?#\s]*@)?[^/?#@:\s\u0000-\u001f\u007f-\u009f][^/?#@\s\u0000-\u001f\u007f-\u009f]*([/?#][^\s\u0000-\u001f\u007f-\u009f]*)?$";
/// RFC 3339 up to the offset.
const TIME: &str = r"^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?";
const ANY_OFFSET: &str = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
const UTC: &str = r"([Zz]|\+00:00)$";
/// Text that a header and a log line can carry.
const PLAIN: &str = r"^[^\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]+$";

/// Returns the schema of a type's events: what `validation` accepts, as far as JSON Schema can express it.
///
/// It can be embedded: no `$schema`, `$id` or references, and keywords that mean the same in draft 7. Every object
/// has a title, for code generators. A live field lists its usual types and then any, as the bridge accepts.
pub fn schema(event_type: KnownType, dialect: Dialect, validation: Validation) -> Value {
    let mut data = match dialect {
        Dialect::Documented => match event_type.documented_fields() {
            Some(fields) => documented_data(event_type, fields, validation),
            None => any_data(),
        },
        Dialect::Live => event_type.live_kind().map_or_else(any_data, |kind| object(kind.shape())),
    };
    if dialect == Dialect::Live || event_type.documented_fields().is_none() {
        require_identity(&mut data, identity_pointers(event_type, dialect));
    }
    let mut schema = envelope(dialect, json!({ "const": event_type.name() }), data);
    schema["title"] = json!(format!("{event_type} ({dialect})"));
    schema["description"] = json!(event_type.about());
    if let Some((_, sample)) = samples(dialect).find(|(sample, _)| *sample == event_type) {
        schema["examples"] = Value::from_iter(serde_json::from_str::<Value>(sample).ok());
    }
    add_envelope_fields(&mut schema, dialect, validation);
    schema
}

/// Returns the schema of events of unknown types.
pub fn schema_of_unknown(dialect: Dialect) -> Value {
    let known = KnownType::ALL.iter().map(|known| known.name());
    let name = json!({
        "type": "string",
        "maxLength": MAX_TYPE,
        "pattern": PLAIN,
        "not": { "enum": known.collect::<Vec<_>>() },
    });
    let mut schema = envelope(dialect, name, any_data());
    schema["title"] = json!(format!("Any other type ({dialect})"));
    schema["description"] = json!("Event of a type that is not known.");
    schema
}

fn envelope(dialect: Dialect, name: Value, data: Value) -> Value {
    let (marker, foreign) = match dialect {
        Dialect::Documented => ("event", "type"),
        Dialect::Live => ("type", "event"),
    };
    json!({
        "type": "object",
        "required": [marker, "data"],
        "properties": { marker: about(name, "Type of the event."), "data": data },
        "not": { "required": [foreign] },
    })
}

fn add_envelope_fields(schema: &mut Value, dialect: Dialect, validation: Validation) {
    if validation == Validation::Tolerant {
        return;
    }
    match dialect {
        Dialect::Documented => {
            let time = about(time(validation == Validation::Strict), "Time of the event.");
            schema["properties"]["timestamp"] = time;
            schema["required"] = json!(["event", "timestamp", "data"]);
        }
        Dialect::Live => {
            let fields = [
                ("request_id", json!({ "type": ["string", "null"] }), "Id of the webhook request: a ULID."),
                (
                    "webhook_url",
                    json!({ "type": ["string", "null"] }),
                    "URL that JustCall sends the event to.",
                ),
                ("url_id", json!({ "type": ["string", "integer", "null"] }), "JustCall's id of that URL."),
            ];
            for (name, field, text) in fields {
                schema["properties"][name] = about(field, text);
            }
        }
    }
}

fn documented_data(event_type: KnownType, fields: &[Field], validation: Validation) -> Value {
    let required = |field: &&Field| field.missing(validation).is_some();
    let properties = fields.iter().map(|field| (field.name.to_owned(), of_field(field, validation)));
    json!({
        "title": format!("{event_type:?}"),
        "description": "Fields of the event itself.",
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
        // Only examples: a pattern or a format would reject texts that the bridge accepts.
        Kind::Phone => json!({ "type": "string", "examples": ["+14155550100"] }),
        Kind::Url if strict => json!({ "type": "string", "pattern": URL }),
        Kind::Url => json!({ "type": "string", "examples": ["https://media.example.com/recording.mp3"] }),
        Kind::Time if strict => time(true),
        Kind::Time => json!({ "type": "string", "examples": ["2026-03-12T14:36:04Z"] }),
        Kind::Count => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        Kind::Integer => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
    }
}

fn time(in_utc: bool) -> Value {
    let offset = if in_utc { UTC } else { ANY_OFFSET };
    json!({ "type": "string", "format": "date-time", "maxLength": MAX_TIME, "pattern": format!("{TIME}{offset}") })
}

fn any_data() -> Value {
    json!({ "title": "Data", "description": "Fields of the event itself.", "type": "object" })
}

/// Requires that the first field neither missing nor null nor empty can identify the event.
///
/// Negated, because code generators read `anyOf` as several types.
fn require_identity(data: &mut Value, pointers: &[&str]) {
    let names: Vec<_> = pointers.iter().map(|pointer| pointer.trim_start_matches("/data/")).collect();
    let empty = || json!({ "enum": [null, ""] });
    let all_empty = |names: &[&str]| Map::from_iter(names.iter().map(|name| ((*name).to_owned(), empty())));
    let unusable = names.iter().enumerate().map(|(at, name)| {
        let mut properties = all_empty(&names[..at]);
        properties.insert((*name).to_owned(), json!({ "not": { "anyOf": [empty(), an_identity()] } }));
        json!({ "required": [name], "properties": properties })
    });
    let without = json!({ "properties": all_empty(&names) });
    data["not"] = json!({ "anyOf": std::iter::once(without).chain(unusable).collect::<Vec<_>>() });
    let rule = match names.as_slice() {
        [name] => format!("`{name}` identifies the event."),
        names => format!(
            "The first of `{}` that is neither missing nor null nor empty identifies the event.",
            names.join("`, `")
        ),
    };
    let description = data["description"].as_str().unwrap_or_default();
    data["description"] = json!(format!("{description} {rule}"));
}

fn object(shape: &Shape) -> Value {
    let properties = shape.fields.iter().map(|field| (field.name.to_owned(), live_field(field)));
    json!({
        "title": shape.title,
        "description": shape.about,
        "type": "object",
        "properties": Map::from_iter(properties),
    })
}

fn live_field(field: &ShapeField) -> Value {
    let any = json!({});
    let schema = match &field.holds {
        Holds::Text => json!({ "anyOf": [{ "type": ["string", "null"] }, any] }),
        // With `integer`: code generators read `number` as floating point, which cannot hold every id.
        Holds::Scalar => {
            json!({ "anyOf": [{ "type": ["string", "integer", "number", "boolean", "null"] }, any] })
        }
        Holds::Texts => json!({
            "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": ["string", "null"] }, any],
        }),
        Holds::Json => any,
        Holds::Object(shape) => object_or_any(shape),
        Holds::Objects(shape) => json!({
            "anyOf": [
                { "type": "array", "items": object_or_any(shape) },
                { "type": ["string", "number", "boolean", "object", "null"] },
            ],
        }),
    };
    about(schema, field.about)
}

/// Lists the other types, because some code generators drop an object beside the empty schema.
fn object_or_any(shape: &Shape) -> Value {
    json!({ "anyOf": [object(shape), { "type": ["string", "number", "boolean", "array", "null"] }] })
}

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
