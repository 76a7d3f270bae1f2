//! Whether settings that are each right fit together, and with what lies outside of them.

mod properties;

use super::kinds::{show_size, show_time};
use super::problem::Problem;
use super::settings::Settings;
use super::tree::{self, Files};
use crate::http::{check_tls, check_tls_pair};
use crate::ingest::{SignatureMode, SourceConfig, check_number, read_keys, read_tokens};
use crate::routing::{self, RouteTable, check_topic_name};
use crate::secret::{self, Secret};
use crate::telemetry::{check_endpoint, check_header};
use config::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

/// Room in a record for its key and headers, in bytes.
const KEY_AND_HEADERS: usize = 16 * 1024;

/// Reads the files that properties are in, and reports everything that does not fit together.
pub(super) fn check(settings: &mut Settings, root: &Value, files: Files, problems: &mut Vec<Problem>) {
    let mut report = Report { root, unreadable: problems.len(), problems };
    listeners(settings, &mut report);
    tls(settings, files, &mut report);
    let table = RouteTable::compile(&settings.routing);
    memory(settings, table.as_ref().ok(), &mut report);
    sources(settings, files, &mut report);
    read_files(PROPERTIES, &settings.property_files, &mut settings.kafka.properties, files, &mut report);
    properties::check(settings, files, &mut report);
    topics(settings, table, &mut report);
    times(settings, &mut report);
    log_filter(settings, &mut report);
    // What only commands ask is sent to no collector.
    let files = if files == Files::All { files } else { Files::None };
    let otlp = &mut settings.telemetry.otlp;
    read_files(HEADERS, &otlp.header_files, &mut otlp.headers, files, &mut report);
    traces(settings, &mut report);
}

/// Where properties of librdkafka stand, and which files they are in.
const PROPERTIES: [&str; 2] = ["kafka.properties", "kafka.properties_files"];
/// The same of the headers that the collector of traces is sent.
const HEADERS: [&str; 2] = ["telemetry.otlp_headers", "telemetry.otlp_headers_files"];

struct Report<'a> {
    root: &'a Value,
    problems: &'a mut Vec<Problem>,
    /// How many of the problems, the first ones, are settings that could not be read.
    unreadable: usize,
}

impl Report<'_> {
    /// Adds a problem, unless that setting, or what it is a part of, could not even be read.
    fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        let key = key.into();
        let covers = |problem: &Problem| {
            key.strip_prefix(&problem.key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if self.problems[..self.unreadable].iter().any(covers) {
            return;
        }
        self.problems.push(match tree::find(self.root, &key) {
            Some(value) => Problem::with(key, value, reason.into()),
            None => {
                let origin = self.nearest(&key).and_then(Value::origin);
                Problem::without_value(key, origin, reason)
            }
        });
    }

    /// What is there of the things that a setting is a part of, the smallest.
    fn nearest(&self, key: &str) -> Option<&Value> {
        let ends = key.rmatch_indices(['.', '[']).map(|(at, _)| at);
        ends.into_iter().find_map(|end| tree::find(self.root, &key[..end]))
    }

    /// Adds what is wrong with the routes, with the places of the other settings that are part of it.
    /// A route of which a part could not be read may mean anything, so it contradicts nothing.
    fn add_routing(&mut self, problem: routing::RouteError) {
        let is_of_routes = |problem: &Problem| problem.key.starts_with("route");
        if !problem.others.is_empty() && self.problems[..self.unreadable].iter().any(is_of_routes) {
            return;
        }
        let place = |key: &String| {
            let origin = tree::find(self.root, key).and_then(Value::origin)?;
            Some(format!("`{key}` is at {origin}"))
        };
        let others: Vec<_> = problem.others.iter().filter_map(place).collect();
        let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        self.add(problem.at, problem.reason + &others);
    }
}

fn listeners(settings: &Settings, report: &mut Report<'_>) {
    let (server, admin) = (settings.server.listen, settings.admin.listen);
    let any = |address: SocketAddr| address.ip().is_unspecified();
    let same_place = server.ip() == admin.ip() || any(server) || any(admin);
    if server.port() != 0 && server.port() == admin.port() && same_place {
        report
            .add("admin.listen", format!("takes the port of `server.listen`, {server}; each needs its own"));
    }
}

fn tls(settings: &Settings, files: Files, report: &mut Report<'_>) {
    let check = if files == Files::All { check_tls } else { check_tls_pair };
    for problem in check(&settings.server.tls) {
        report.add(problem.at, problem.reason);
    }
}

fn memory(settings: &Settings, table: Option<&RouteTable>, report: &mut Report<'_>) {
    if let Err(reason) = holds_one_event(settings, table) {
        report.add("server.max_in_flight", reason);
    }
}

/// Whether `server.max_in_flight` admits the largest event, which would else be refused for ever.
pub(super) fn holds_one_event(settings: &Settings, table: Option<&RouteTable>) -> Result<(), String> {
    let body = settings.server.max_body_bytes;
    // Also a compressed body is held twice, while it is decoded.
    let records = table.map_or(1, RouteTable::max_records).max(1);
    let least = body + records * (body + KEY_AND_HEADERS);
    if settings.server.max_in_flight >= least {
        return Ok(());
    }
    let records = match records {
        1 => "its record".into(),
        several => format!("its {several} records, one for each topic"),
    };
    Err(format!(
        "must be at least {least} bytes, to hold one body of `server.max_body_bytes` ({}) and {records}",
        show_size(&body)
    ))
}

fn sources(settings: &Settings, files: Files, report: &mut Report<'_>) {
    let mut by_path = BTreeMap::new();
    if settings.ingest.sources.is_empty() {
        report.add("sources", "names no source, so that nothing could be received");
    }
    for source in &settings.ingest.sources {
        let name = &source.name;
        let legal = |each: char| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '-';
        if !(1..=63).contains(&name.len()) || !name.chars().all(legal) {
            report.add(format!("sources.{name}"), "a source's name is 1 to 63 of a-z, 0-9 and `-`");
        }
        if let Some(other) = by_path.insert(&source.path, name) {
            let reason =
                format!("`{}` is the path of the source `{other}` too; each needs its own", source.path);
            report.add(format!("sources.{name}.path"), reason);
        }
        credentials(source, files, report);
    }
}

/// Whether a source's secrets and tokens can be used.
fn credentials(source: &SourceConfig, files: Files, report: &mut Report<'_>) {
    let (name, signature) = (&source.name, &source.signature);
    if signature.required == Some(true) && !signature.has_secret() {
        let reason = "needs a secret to verify with: `secrets_file`, or `secrets`";
        report.add(format!("sources.{name}.signature.required"), reason);
    }
    if signature.mode == SignatureMode::Monitor && !signature.has_secret() {
        let reason = "`monitor` verifies signatures and needs a secret: `secrets_file`, or `secrets`";
        report.add(format!("sources.{name}.signature.mode"), reason);
    }
    for (index, url) in signature.urls.iter().enumerate() {
        if !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
            let reason = "must be a whole URL, character by character as it was entered at JustCall, such as `https://hooks.example.com/webhooks/justcall`";
            report.add(format!("sources.{name}.signature.urls[{index}]"), reason);
        }
    }
    let number = check_number(source);
    let mut source = source.clone();
    if files != Files::All {
        (source.signature.secrets_file, source.token_file) = (None, None);
    }
    let (mut inline, mut in_file) = (source.clone(), source.clone());
    (inline.token_file, in_file.token) = (None, None);
    let problems = [
        number.and_then(|()| read_keys(&source).map(drop)).err(),
        read_tokens(&inline).err(),
        read_tokens(&in_file).err(),
    ];
    for error in problems.into_iter().flatten() {
        report.add(error.key, error.reason);
    }
}

/// Reports each source that would take events from anybody without the settings' having said so.
pub(super) fn undecided(settings: &Settings, problems: &mut Vec<Problem>) {
    for source in &settings.ingest.sources {
        let at = format!("sources.{}", source.name);
        let is_decided = source.signature.required.is_some() || source.signature.has_secret();
        // A setting that could not be read may be the decision.
        if is_decided || problems.iter().any(|problem| may_decide(&problem.key, &at)) {
            continue;
        }
        let reason = format!(
            "is not set, and there is no secret: whoever finds `{}` could send events. Either set \
             `{at}.signature.secrets_file` to a file with JustCall's API secret, or take unsigned events \
             with `{at}.signature.required: false`",
            source.path
        );
        problems.push(Problem::without_value(format!("{at}.signature.required"), None, reason));
    }
}

/// Returns whether a problem with `key` hides if a source is to accept unsigned events.
fn may_decide(key: &str, source: &str) -> bool {
    const OTHERS: [&str; 7] = [
        "path",
        "validation",
        "token",
        "token_file",
        "signature.mode",
        "signature.urls",
        "signature.tolerance",
    ];
    let begins = |whole: &str, part: &str| {
        whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let is_other = |name: &str| begins(key, &format!("{source}.{name}"));
    begins(source, key) || begins(key, source) && !OTHERS.iter().any(|name| is_other(name))
}

/// Reads secrets that have a file each, by name, into the map of the others.
fn read_files(
    maps: [&str; 2],
    paths: &BTreeMap<String, String>,
    values: &mut BTreeMap<String, Secret>,
    files: Files,
    report: &mut Report<'_>,
) {
    let [plain, in_files] = maps;
    for (name, path) in paths {
        let key = format!("{in_files}.{name}");
        if values.contains_key(name) {
            report.add(key, format!("stands under `{plain}` too; it must be in one place"));
            continue;
        }
        if path.is_empty() {
            report.add(key, "is empty; must be the path of a file");
            continue;
        }
        if files == Files::None {
            continue;
        }
        match secret::read_secret(Path::new(path)) {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err(error) => report.add(key, error.to_string()),
        }
    }
}

/// The setting of a librdkafka property.
pub(super) fn property_key(settings: &Settings, name: &str) -> String {
    let is_in_file = settings.property_files.contains_key(name);
    format!("{}.{name}", PROPERTIES[usize::from(is_in_file)])
}

/// The setting of a header for the collector of traces.
pub(super) fn header_key(settings: &Settings, name: &str) -> String {
    let is_in_file = settings.telemetry.otlp.header_files.contains_key(name);
    format!("{}.{name}", HEADERS[usize::from(is_in_file)])
}

fn topics(settings: &Settings, table: Result<RouteTable, Vec<routing::RouteError>>, report: &mut Report<'_>) {
    let dead_letter = &settings.ingest.dead_letter.topic;
    let problems = match table {
        Ok(table) => table.check_dead_letters(dead_letter),
        Err(problems) => problems,
    };
    for problem in problems {
        report.add_routing(problem);
    }
    // Where the prefix is at fault, that was said.
    let follows_prefix = dead_letter.starts_with(&settings.routing.prefix);
    if let (Err(reason), false) =
        (check_topic_name(dead_letter), follows_prefix && check_topic_name(&settings.routing.prefix).is_err())
    {
        report.add("dead_letter.topic", reason);
    }
    let new = &settings.kafka.topics;
    let in_sync = new.config.get("min.insync.replicas").and_then(|text| text.trim().parse::<i32>().ok());
    if let (Some(replicas), Some(in_sync)) = (new.replication_factor, in_sync)
        && in_sync > replicas
    {
        let reason = format!("more than `topics.replication_factor`, {replicas}: nothing could be written");
        report.add("topics.config.min.insync.replicas", reason);
    }
}

fn times(settings: &Settings, report: &mut Report<'_>) {
    let (deadline, timeout) = (settings.delivery.ack_deadline, settings.shutdown.timeout);
    if timeout < deadline {
        let reason = format!(
            "must be at least `kafka.ack_deadline`, {}, to end what is in flight",
            show_time(&deadline)
        );
        report.add("shutdown.timeout", reason);
    }
}

fn log_filter(settings: &Settings, report: &mut Report<'_>) {
    if crate::telemetry::check_filter(&settings.telemetry.log_filter).is_err() {
        report.add(
            "telemetry.log_filter",
            "must be a level such as `info`, or a filter such as `info,justcall_kafka_bridge=debug`",
        );
    }
}

fn traces(settings: &Settings, report: &mut Report<'_>) {
    let otlp = &settings.telemetry.otlp;
    if let Some(Err(reason)) = otlp.endpoint.as_deref().map(check_endpoint) {
        report.add("telemetry.otlp_endpoint", reason);
    }
    let unread = otlp.header_files.keys().filter(|name| !otlp.headers.contains_key(*name));
    let unread = unread.map(|name| (name, ""));
    for (name, value) in otlp.headers.iter().map(|(name, value)| (name, value.expose())).chain(unread) {
        if let Err(reason) = check_header(name, value) {
            report.add(header_key(settings, name), reason);
        }
    }
}
