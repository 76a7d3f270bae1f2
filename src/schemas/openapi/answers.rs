//! Responses of the ingress in OpenAPI form, generated from its own response table.

use crate::config::Settings;
use crate::http::{self, ExampleResponse};
use crate::ingest::{DeadLetterAnswer, SourceConfig};
use crate::record::names;
use crate::routing::{self, UnknownEvents};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Every response that these settings can yield.
pub(super) struct Answers(Vec<ExampleResponse>);

impl Answers {
    pub(super) fn of(settings: &Settings) -> Self {
        let rejected = settings.ingest.dead_letter.answer;
        let has_spool = settings.spool.directory.is_some();
        let keeps_silently =
            rejected == DeadLetterAnswer::Ok || settings.routing.unknown_events == UnknownEvents::DeadLetter;
        let drops = drops(&settings.routing);
        let possible = |answer: &ExampleResponse| match answer.tag.as_str() {
            "spooled" | "spool_full" | "spool_failing" => has_spool,
            // With a spool, the event is durable before Kafka rejects it.
            names::TOO_LARGE_FOR_KAFKA | names::REFUSED_BY_KAFKA => !has_spool,
            "dead_lettered" => keeps_silently,
            "dropped" => drops,
            _ => true,
        };
        Self(http::example_responses(rejected).into_iter().filter(possible).collect())
    }

    pub(super) fn of_source(&self, source: &SourceConfig) -> Value {
        let has_signature = source.signature.has_secret() || source.signature.is_required();
        let possible = |answer: &&ExampleResponse| match answer.tag.as_str() {
            "token" => source.takes_token(),
            tag if tag.starts_with("signature_") || tag == "unverifiable" => has_signature,
            _ => true,
        };
        responses(self.0.iter().filter(possible))
    }

    pub(super) fn probe(&self) -> Value {
        responses(self.0.iter().filter(|answer| answer.tag == "probe"))["200"].take()
    }
}

fn drops(routing: &routing::Config) -> bool {
    let templates = routing.templates.iter().map(|template| &template.route);
    templates.chain(&routing.routes).any(|route| route.drop == Some(true))
}

pub(super) fn schemas() -> [(&'static str, Value); 2] {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let outcome = json!({
        "type": "object",
        "required": ["outcome"],
        "properties": {
            "outcome": text("Outcome of the event."),
            "id": text("Identity of the event: `ce_id` of its records. A probe has none."),
        },
    });
    let problem = json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status"],
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "Kind of problem. Stable." },
            "title": text("Kind of problem, as text."),
            "status": { "type": "integer", "description": "The status code." },
            "detail": text("Details, without any part of the body."),
            "event_id": text("Identity of the event whose body was kept as a dead letter."),
            "pointer": text("JSON pointer to the violation."),
            "expected": text("Expected value."),
            "found": text("JSON type of the value found."),
        },
    });
    [("outcome", outcome), ("problem", problem)]
}

fn by_status<'a>(
    answers: impl Iterator<Item = &'a ExampleResponse>,
) -> BTreeMap<u16, Vec<&'a ExampleResponse>> {
    let mut by_status: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for answer in answers {
        by_status.entry(answer.status).or_default().push(answer);
    }
    by_status
}

fn responses<'a>(answers: impl Iterator<Item = &'a ExampleResponse>) -> Value {
    let each =
        by_status(answers).into_iter().map(|(status, answers)| (status.to_string(), response(&answers)));
    Value::Object(each.collect())
}

/// Returns one response for all answers of a status, which share a format.
fn response(answers: &[&ExampleResponse]) -> Value {
    let is_problem = answers[0].body.get("type").is_some();
    let (name, member) = if is_problem { ("problem", "type") } else { ("outcome", "outcome") };
    let examples = answers.iter().map(|answer| (answer.tag.clone(), json!({ "value": answer.body })));
    let kinds: Vec<_> = answers.iter().map(|answer| &answer.body[member]).collect();
    let mut descriptions: Vec<_> = answers.iter().map(|answer| description(answer)).collect();
    descriptions.dedup();
    let mut response = json!({
        "description": descriptions.join(" "),
        "content": { &answers[0].content_type: {
            "schema": {
                "allOf": [{ "$ref": format!("#/components/schemas/{name}") }],
                "properties": { member: { "enum": kinds } },
            },
            "examples": Map::from_iter(examples),
        }},
    });
    let headers = headers(answers);
    if !headers.is_empty() {
        response["headers"] = Value::Object(headers);
    }
    response
}

fn description(answer: &ExampleResponse) -> String {
    let title = match answer.tag.as_str() {
        "acked" => "Kafka has acknowledged every record of the event",
        "spooled" => "The event is on the bridge's disk, to be sent to Kafka",
        "duplicate" => "The same event was already durable",
        "dropped" => "A route drops the event: it was written nowhere",
        "dead_lettered" => "The event was kept as a dead letter",
        "probe" => "The URL was tested",
        _ => answer.body["title"].as_str().unwrap_or_default(),
    };
    format!("{title}.")
}

/// Describes the headers. One is required if every answer has it.
fn headers(answers: &[&ExampleResponse]) -> Map<String, Value> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in answers.iter().flat_map(|answer| &answer.headers) {
        values.entry(name).or_default().push(value);
    }
    let header = |(name, mut found): (&str, Vec<&str>)| {
        let required = found.len() == answers.len();
        found.sort_unstable();
        found.dedup();
        (name.to_owned(), json!({ "required": required, "schema": { "type": "string", "examples": found } }))
    };
    values.into_iter().map(header).collect()
}
