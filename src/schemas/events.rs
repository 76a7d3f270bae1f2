//! JSON Schema of the event types.

use justcall_events::{Dialect, KnownType, META_SCHEMA, Validation, schema, schema_of_unknown};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Prefix of every `$id`: an absolute URI without a web page.
const ID_PREFIX: &str = "urn:justcall-kafka-bridge:schema:";

/// Schemas by name, such as `documented.call.missed`.
pub(crate) type Schemas = BTreeMap<String, Value>;

/// Selects schemas. An empty list selects all types, no dialect both.
pub(crate) fn select(types: &[KnownType], dialect: Option<Dialect>, validation: Validation) -> Schemas {
    listed()
        .filter(|(known, _)| types.is_empty() || types.contains(known))
        .filter(|(_, each)| dialect.is_none_or(|wanted| wanted == *each))
        .map(|(known, dialect)| (name(Some(known), dialect), schema(known, dialect, validation)))
        .collect()
}

pub(super) fn listed() -> impl Iterator<Item = (KnownType, Dialect)> {
    let both = |known: &KnownType| [(*known, Dialect::Documented), (*known, Dialect::Live)];
    KnownType::ALL.iter().flat_map(both).filter(|(known, dialect)| known.is_listed_in(*dialect))
}

/// Names a schema. `None`: types that JustCall does not document.
pub(super) fn name(event_type: Option<KnownType>, dialect: Dialect) -> String {
    format!("{dialect}.{}", event_type.map_or("other", KnownType::name))
}

pub(super) fn of(event_type: Option<KnownType>, dialect: Dialect, validation: Validation) -> Value {
    match event_type {
        Some(known) => schema(known, dialect, validation),
        None => schema_of_unknown(dialect),
    }
}

/// Returns a single schema as the document, or several combined with `oneOf`.
pub(crate) fn whole(schemas: Schemas, validation: Validation) -> Value {
    if schemas.len() == 1 {
        return schemas.into_iter().next().map(|one| document(one, validation)).unwrap_or_default();
    }
    let any: Vec<_> = schemas.keys().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
    let all = json!({
        "title": "Webhook events of JustCall",
        "oneOf": any,
        "$defs": schemas,
    });
    document(("events".to_owned(), all), validation)
}

pub(crate) fn document((name, mut schema): (String, Value), validation: Validation) -> Value {
    schema["$schema"] = json!(META_SCHEMA);
    schema["$id"] = json!(format!("{ID_PREFIX}{}:{name}", validation.name()));
    schema
}
