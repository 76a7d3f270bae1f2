use super::*;
use crate::{Documented, KnownType, Live, Malformed, Scanned, samples, scan};
use serde_json::json;

mod documented;
mod live;
mod properties;

fn validate(body: &str, validation: Validation) -> Result<Event<'_>, Violation> {
    match scan(body.as_bytes()) {
        Ok(Scanned::Envelope(envelope)) => envelope.validate(validation, &BodyHash::of(body.as_bytes())),
        other => panic!("{body} is {other:?}"),
    }
}

fn violation(body: &str, validation: Validation) -> String {
    validate(body, validation).unwrap_err().to_string()
}

fn sample(dialect: Dialect, name: &str) -> serde_json::Value {
    let (_, body) = samples(dialect).find(|(known, _)| known.name() == name).unwrap();
    serde_json::from_str(body).unwrap()
}

fn with_field(name: &str, field: &str, value: serde_json::Value) -> String {
    let mut body = sample(Dialect::Documented, name);
    body["data"][field] = value;
    body.to_string()
}

fn documented(name: &str, data: &str) -> String {
    format!(r#"{{"event":"{name}","timestamp":"2026-04-07T09:15:42Z","data":{data}}}"#)
}
