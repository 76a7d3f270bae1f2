//! Validation of settings against each other, and against their files.

pub(super) mod event_size;
mod kafka_properties;
pub(super) mod sources;
mod validation_errors;

use super::error::SettingError;
use super::settings::{HEADER_MAPS, PROPERTY_MAPS, Settings};
use super::settings_input::ReferencedFiles;
use super::value_types::format_duration;
use crate::http::{check_tls, check_tls_pair};
use crate::routing::{self, RouteTable, check_topic_name};
use crate::secret::{self, Secret};
use crate::telemetry::{check_endpoint, check_filter, check_header};
use config::Value;
use event_size::{check_max_in_flight, check_message_size};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use validation_errors::ValidationErrors;

/// Also reads the files with properties and headers.
pub(super) fn validate(
    settings: &mut Settings,
    root: &Value,
    files: ReferencedFiles,
    errors: &mut Vec<SettingError>,
) {
    let mut errors = ValidationErrors::new(root, errors);
    limit("sources", &mut settings.ingest.sources, &mut errors);
    limit("route_templates", &mut settings.routing.templates, &mut errors);
    limit("routes", &mut settings.routing.routes, &mut errors);
    listeners(settings, &mut errors);
    tls(settings, files, &mut errors);
    let table = RouteTable::compile(&settings.routing);
    if let Err(reason) = check_max_in_flight(settings, table.as_ref().ok()) {
        errors.add("server.max_in_flight", reason);
    }
    sources::check(settings, files, &mut errors);
    read_files(PROPERTY_MAPS, &settings.property_files, &mut settings.kafka.properties, files, &mut errors);
    kafka_properties::check(settings, files, &mut errors);
    check_message_size(settings, &mut errors);
    topics(settings, table, &mut errors);
    timeouts(settings, &mut errors);
    if check_filter(&settings.telemetry.log_filter).is_err() {
        let reason = "must be a level such as `info`, or a filter such as `info,justcall_kafka_bridge=debug`";
        errors.add("telemetry.log_filter", reason);
    }
    // A command that needs only Kafka sends no traces.
    let files = if files == ReferencedFiles::All { files } else { ReferencedFiles::None };
    let otlp = &mut settings.telemetry.otlp;
    read_files(HEADER_MAPS, &otlp.header_files, &mut otlp.headers, files, &mut errors);
    traces(settings, &mut errors);
}

/// Shortens a list that is too long, because validation and reload compare entries with each other.
fn limit<T>(key: &str, entries: &mut Vec<T>, errors: &mut ValidationErrors<'_>) {
    const MAX_ENTRIES: usize = 2000;
    if entries.len() > MAX_ENTRIES {
        let what = key.replace('_', " ");
        errors.add(key, format!("has {} {what}; at most {MAX_ENTRIES} are accepted", entries.len()));
        entries.truncate(MAX_ENTRIES);
    }
}

fn listeners(settings: &Settings, errors: &mut ValidationErrors<'_>) {
    let (server, admin) = (settings.server.listen, settings.admin.listen);
    let is_any = |address: SocketAddr| address.ip().is_unspecified();
    let is_same_host = server.ip() == admin.ip() || is_any(server) || is_any(admin);
    if server.port() != 0 && server.port() == admin.port() && is_same_host {
        errors.add("admin.listen", format!("has the port of `server.listen`, {server}: set another port"));
    }
}

fn tls(settings: &Settings, files: ReferencedFiles, errors: &mut ValidationErrors<'_>) {
    let check = if files == ReferencedFiles::All { check_tls } else { check_tls_pair };
    for problem in check(&settings.server.tls) {
        errors.add(problem.at, problem.reason);
    }
}

fn read_files(
    [value_map, file_map]: [&str; 2],
    paths: &BTreeMap<String, String>,
    values: &mut BTreeMap<String, Secret>,
    files: ReferencedFiles,
    errors: &mut ValidationErrors<'_>,
) {
    for (name, path) in paths {
        let key = format!("{file_map}.{name}");
        if values.contains_key(name) {
            errors.add(key, format!("is set under `{value_map}` as well: remove one of them"));
            continue;
        }
        if path.is_empty() {
            errors.add(key, "is empty; must be the path of a file");
            continue;
        }
        if files == ReferencedFiles::None {
            continue;
        }
        match secret::read_secret(Path::new(path)) {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err(error) => errors.add(key, error.to_string()),
        }
    }
}

fn topics(
    settings: &Settings,
    table: Result<RouteTable, Vec<routing::RouteError>>,
    errors: &mut ValidationErrors<'_>,
) {
    let dead_letter = &settings.ingest.dead_letter.topic;
    let route_errors = match table {
        Ok(table) => table.check_dead_letters(dead_letter),
        Err(route_errors) => route_errors,
    };
    for error in route_errors {
        errors.add_routing(error);
    }
    // An invalid prefix was reported.
    let has_invalid_prefix = dead_letter.starts_with(&settings.routing.prefix)
        && check_topic_name(&settings.routing.prefix).is_err();
    if let (Err(reason), false) = (check_topic_name(dead_letter), has_invalid_prefix) {
        errors.add("dead_letter.topic", reason);
    }
    let new = &settings.kafka.topics;
    let in_sync = new.config.get("min.insync.replicas").and_then(|text| text.trim().parse::<i32>().ok());
    if let (Some(replicas), Some(in_sync)) = (new.replication_factor, in_sync)
        && in_sync > replicas
    {
        let reason = format!(
            "is more than `topics.replication_factor`, {replicas}: no record could be written; lower it"
        );
        errors.add("topics.config.min.insync.replicas", reason);
    }
}

fn timeouts(settings: &Settings, errors: &mut ValidationErrors<'_>) {
    let (deadline, timeout) = (settings.delivery.ack_deadline, settings.shutdown.timeout);
    if timeout < deadline {
        let deadline = format_duration(&deadline);
        let reason =
            format!("must be at least `kafka.ack_deadline`, {deadline}, to finish the events in flight");
        errors.add("shutdown.timeout", reason);
    }
}

fn traces(settings: &Settings, errors: &mut ValidationErrors<'_>) {
    let otlp = &settings.telemetry.otlp;
    if let Some(Err(reason)) = otlp.endpoint.as_deref().map(check_endpoint) {
        errors.add("telemetry.otlp_endpoint", reason);
    }
    let unread = otlp.header_files.keys().filter(|name| !otlp.headers.contains_key(*name));
    let unread = unread.map(|name| (name, ""));
    for (name, value) in otlp.headers.iter().map(|(name, value)| (name, value.expose())).chain(unread) {
        if let Err(reason) = check_header(name, value) {
            errors.add(settings.header_key(name), reason);
        }
    }
}
