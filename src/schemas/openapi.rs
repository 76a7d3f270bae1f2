//! OpenAPI document of the HTTP interface of the settings.

mod answers;
mod body;

use crate::config::Settings;
use crate::http;
use crate::ingest::{SignatureConfig, SignatureMode, SourceConfig};
use crate::record::{TRACEPARENT, TRACESTATE};
use answers::Answers;
use justcall_events::signature::{SIGNATURE, TIMESTAMP, VERSION};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

pub(crate) fn document(settings: &Settings) -> Value {
    let answers = Answers::of(settings);
    let mut paths = Map::new();
    for source in &settings.ingest.sources {
        paths.extend(source_paths(source, &answers));
    }
    paths.extend(admin_paths(settings.admin.listen));
    let takes_tokens = settings.ingest.sources.iter().any(SourceConfig::takes_token);
    let mut components = json!({
        "schemas": body::schemas(settings),
    });
    if takes_tokens {
        components["securitySchemes"]["token"] = json!({
            "type": "http",
            "scheme": "bearer",
            "description": "Token of the source. It may follow the path instead.",
        });
    }
    let scheme = if settings.server.tls.certificate.is_some() { "https" } else { "http" };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "justcall-bridge",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Receives webhooks of JustCall and writes each to Apache Kafka.",
            "description": "200 means durable: acknowledged by Kafka, or on the bridge's disk. 503 means try again; a 4xx means that no retry can help.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": url(scheme, settings.server.listen), "description": "The ingress, from this machine." }],
        "paths": paths,
        "components": components,
    })
}

/// Returns the URL of a listener as seen from its own machine.
fn url(scheme: &str, listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", listen.port())
    } else {
        format!("{scheme}://{listen}")
    }
}

/// Returns the path of a source, and the path followed by a token.
fn source_paths(source: &SourceConfig, answers: &Answers) -> Vec<(String, Value)> {
    let path = source.path.trim_end_matches('/');
    let bare = if path.is_empty() { "/" } else { path };
    let mut paths = vec![(bare.to_owned(), source_path(source, answers, false))];
    if source.takes_token() {
        paths.push((format!("{path}/{{token}}"), source_path(source, answers, true)));
    }
    paths
}

fn source_path(source: &SourceConfig, answers: &Answers, with_token: bool) -> Value {
    let name = |method: &str| {
        let ending = if with_token { "-by-token" } else { "" };
        format!("{method}-{}{ending}", source.name)
    };
    let mut post = json!({
        "operationId": name("post"),
        "summary": format!("Receive a webhook of {}", source.name),
        "description": "The format is recognised from the body; Content-Type is ignored, and so is a \
         trailing slash of the path.",
        "parameters": parameters(&source.signature),
        "requestBody": body::request(source),
        "responses": answers.of_source(source),
    });
    if source.takes_token() && !with_token {
        post["security"] = json!([{ "token": [] }]);
    }
    let probe = |method: &str| {
        json!({
            "operationId": name(method),
            "summary": "Test the URL; nothing is written",
            "responses": { "200": answers.probe() },
        })
    };
    let mut path = json!({ "post": post, "get": probe("get"), "head": probe("head") });
    if with_token {
        path["parameters"] = json!([{
            "name": "token",
            "in": "path",
            "required": true,
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9._~-]{16,}$" },
        }]);
    }
    path
}

fn parameters(signature: &SignatureConfig) -> Value {
    let header = |name: &str, required: bool, about: &str, schema: Value| json!({ "name": name, "in": "header", "required": required, "description": about, "schema": schema });
    let mut parameters = vec![
        header(
            "Content-Encoding",
            false,
            "How the body is compressed.",
            json!({ "type": "string", "enum": ["identity", "gzip", "deflate"] }),
        ),
        header(
            TRACEPARENT,
            false,
            "W3C trace context. The context derived from it becomes a header of the records.",
            json!({ "type": "string" }),
        ),
        header(
            TRACESTATE,
            false,
            "State of tracing systems. Becomes a header of the records, up to 512 bytes.",
            json!({ "type": "string" }),
        ),
    ];
    if signature.has_secret() || signature.is_required() {
        let required = signature.is_required() && signature.mode == SignatureMode::Enforce;
        parameters.extend([
            header(
                SIGNATURE,
                required,
                "HMAC-SHA256 in hex of `secret|encodeURIComponent(webhook_url)|type|time`, with the same secret as key. Probes need none.",
                json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }),
            ),
            header(VERSION, required, "The signature's version.", json!({ "const": "v1" })),
            header(
                TIMESTAMP,
                required,
                "The signed time, in UTC: `YYYY-MM-DD HH:MM:SS`, or ten digits of seconds since 1970.",
                json!({ "type": "string", "examples": ["2024-03-21 17:08:22"] }),
            ),
        ]);
    }
    Value::Array(parameters)
}

fn admin_paths(listen: SocketAddr) -> Vec<(String, Value)> {
    let servers = json!([{ "url": url("http", listen), "description": "The admin listener." }]);
    let page = |id: &str, summary: &str, responses: Value| {
        let read = |method: &str| json!({ "operationId": format!("{method}-{id}"), "summary": summary, "responses": responses });
        (format!("/{id}"), json!({ "servers": servers, "get": read("get"), "head": read("head") }))
    };
    let text = |content_type: &str, about: &str| json!({ "description": about, "content": { content_type: { "schema": { "type": "string" } } } });
    let readiness = |about: &str| {
        let schema = json!({ "$ref": "#/components/schemas/readiness" });
        json!({ "description": about, "content": { "application/json": { "schema": schema } } })
    };
    vec![
        page(
            "livez",
            "Liveness of the process",
            json!({ "200": text("text/plain; charset=utf-8", "It does.") }),
        ),
        page(
            "readyz",
            "Readiness for webhooks",
            json!({
                "200": readiness("It takes webhooks."),
                "503": readiness("The bridge is starting or stopping, or neither Kafka nor the spool \
                 accepts records."),
            }),
        ),
        page(
            "metrics",
            "Metrics of the process",
            json!({ "200": text(crate::telemetry::CONTENT_TYPE, "Every metric, in the OpenMetrics text format.") }),
        ),
    ]
}

fn readiness() -> Value {
    let parts = http::readiness_at_start();
    let names: Vec<_> = parts["parts"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    let lines = names.iter().map(|name| (name.clone(), json!({ "type": "string" })));
    json!({
        "type": "object",
        "required": ["ready", "parts"],
        "properties": {
            "ready": { "type": "boolean" },
            "parts": {
                "type": "object",
                "description": "One line for each part, as text.",
                "required": names,
                "properties": Map::from_iter(lines),
            },
        },
    })
}
