//! Request bodies.

use super::{answers, readiness};
use crate::config::Settings;
use crate::ingest::SourceConfig;
use crate::schemas::events::{self, listed};
use justcall_events::{Dialect, Validation, samples};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Returns the request body that a source accepts. An empty body is a probe.
pub(super) fn request(source: &SourceConfig) -> Value {
    let examples = [Dialect::Documented, Dialect::Live].into_iter().filter_map(|dialect| {
        let (_, sample) = samples(dialect).next()?;
        let sample: Value = serde_json::from_str(sample).ok()?;
        Some((dialect.name().to_owned(), json!({ "value": sample })))
    });
    json!({
        "required": false,
        "description": "An event in either of JustCall's formats, or a probe. The bytes are not changed.",
        "content": { "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{}", webhook(source.validation)) },
            "examples": Map::from_iter(examples),
        }},
    })
}

pub(super) fn schemas(settings: &Settings) -> Value {
    let modes: BTreeSet<_> = settings.ingest.sources.iter().map(|source| source.validation.name()).collect();
    let mut schemas = Map::new();
    for validation in Validation::ALL.into_iter().filter(|each| modes.contains(each.name())) {
        let types = listed().map(|(known, dialect)| (Some(known), dialect));
        let others = [Dialect::Documented, Dialect::Live].map(|dialect| (None, dialect));
        let mut any = vec![json!({ "$ref": "#/components/schemas/probe" })];
        for (event_type, dialect) in types.chain(others) {
            let name = named(&events::name(event_type, dialect), validation);
            any.push(json!({ "$ref": format!("#/components/schemas/{name}") }));
            schemas.insert(name, events::of(event_type, dialect, validation));
        }
        let about = format!("Bodies that a source with `validation: {}` accepts.", validation.name());
        schemas.insert(webhook(validation), json!({ "description": about, "anyOf": any }));
    }
    schemas.insert("probe".into(), probe());
    schemas.insert("readiness".into(), readiness());
    schemas.extend(answers::schemas().map(|(name, schema)| (name.to_owned(), schema)));
    Value::Object(schemas)
}

fn webhook(validation: Validation) -> String {
    named("webhook", validation)
}

/// Includes the validation in the name because sources may differ in it.
fn named(name: &str, validation: Validation) -> String {
    match validation {
        Validation::Documented => name.to_owned(),
        other => format!("{}.{name}", other.name()),
    }
}

fn probe() -> Value {
    json!({
        "type": "object",
        "description": "Test of the URL by JustCall: an envelope without data.",
        "anyOf": [{ "required": ["event"] }, { "required": ["type"] }],
        "not": { "required": ["data"] },
    })
}
