//! Every setting: its key, its place and how it is written.

use super::form::{Form, Naming};
use super::kinds::{
    Address, Choice, Conditions, HeaderValues, Matches, Optional, Part, Place, Properties, SecretMap,
    SecretText, SecretTexts, Servers, Size, Switch, Text, TextMap, Texts, Time, UrlPath, Whole,
};
use super::settings::{Settings, ShutdownConfig, default_source, empty_template};
use crate::http::{AdminConfig, Config as ServerConfig};
use crate::ingest::{
    DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, SignatureConfig, SignatureMode, SourceConfig,
};
use crate::kafka::TopicsConfig;
use crate::routing::{RouteConfig, RouteTemplate, UnknownEvents};
use crate::spool::Config as SpoolConfig;
use crate::telemetry::{Config as TelemetryConfig, LogFormat};
use justcall_events::Validation;
use std::time::Duration;

/// Most workers that actix-server accepts.
const MAX_WORKERS: usize = 512;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const GIB: usize = 1024 * MIB;

const fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// All of them.
pub(super) fn settings(form: &mut impl Form, it: &mut Settings) {
    form.section("server", |form| server(form, &mut it.server));
    form.section("admin", |form| admin(form, &mut it.admin));
    let by_name = Naming { make: default_source, name: |source: &SourceConfig| &source.name };
    form.named("sources", &mut it.ingest.sources, by_name, source);
    form.section("kafka", |form| kafka(form, it));
    form.section("topics", |form| {
        form.field("prefix", &mut it.routing.prefix, Text);
        topics(form, &mut it.kafka.topics);
    });
    let by_name = Naming { make: empty_template, name: |template: &RouteTemplate| &template.name };
    form.named("route_templates", &mut it.routing.templates, by_name, |form, it| {
        common(form, &mut it.route);
    });
    form.list("routes", &mut it.routing.routes, RouteConfig::default, route);
    form.field("unknown_events", &mut it.routing.unknown_events, UNKNOWN_EVENTS);
    form.default_to(&mut it.ingest.dead_letter.topic, || format!("{}dead-letter", it.routing.prefix));
    form.section("dead_letter", |form| {
        dead_letter(form, &mut it.ingest.dead_letter);
        let quota = &mut it.delivery.dead_letters;
        form.field("max_spool_bytes", &mut quota.max_bytes, Size(MIB..=GIB));
        form.field("max_spool_rate", &mut quota.max_rate, Whole(1..=1_000_000));
    });
    form.section("spool", |form| spool(form, &mut it.spool));
    form.section("deduplication", |form| deduplication(form, &mut it.ingest.deduplication));
    form.section("shutdown", |form| shutdown(form, &mut it.shutdown));
    form.section("telemetry", |form| telemetry(form, &mut it.telemetry));
}

fn server(form: &mut impl Form, it: &mut ServerConfig) {
    form.field("listen", &mut it.listen, Address);
    form.field("workers", &mut it.workers, Optional(Whole(1..=MAX_WORKERS)));
    form.field("max_body_bytes", &mut it.max_body_bytes, Size(KIB..=100 * MIB));
    form.field("max_in_flight", &mut it.max_in_flight, Size(64 * KIB..=64 * GIB));
    form.field("request_timeout", &mut it.request_timeout, Time(millis(100)..=seconds(10 * MINUTE)));
    form.field("header_timeout", &mut it.header_timeout, Time(millis(100)..=seconds(10 * MINUTE)));
    form.field("keep_alive", &mut it.keep_alive, Time(seconds(1)..=seconds(HOUR)));
    form.section("tls", |form| {
        form.field("certificate", &mut it.tls.certificate, Optional(Place));
        form.field("key", &mut it.tls.key, Optional(Place));
    });
}

fn admin(form: &mut impl Form, it: &mut AdminConfig) {
    form.field("listen", &mut it.listen, Address);
}

fn source<F: Form>(form: &mut F, it: &mut SourceConfig) {
    form.field("path", &mut it.path, UrlPath);
    form.field("validation", &mut it.validation, VALIDATION);
    form.section("signature", |form| signature(form, &mut it.signature));
    form.field("token", &mut it.token, Optional(SecretText));
    form.field("token_file", &mut it.token_file, Optional(Place));
}

fn signature(form: &mut impl Form, it: &mut SignatureConfig) {
    form.field("required", &mut it.required, Optional(Switch));
    form.field("mode", &mut it.mode, SIGNATURE_MODE);
    form.field("secrets", &mut it.secrets, SecretTexts);
    form.field("secrets_file", &mut it.secrets_file, Optional(Place));
    form.field("urls", &mut it.urls, Texts);
    form.field("tolerance", &mut it.tolerance, Time(seconds(MINUTE)..=seconds(DAY)));
}

fn kafka(form: &mut impl Form, it: &mut Settings) {
    form.field("bootstrap_servers", &mut it.kafka.bootstrap_servers, Servers);
    form.field("ack_deadline", &mut it.delivery.ack_deadline, Time(millis(10)..=seconds(MINUTE)));
    form.field("properties", &mut it.kafka.properties, Properties);
    form.field("properties_files", &mut it.property_files, TextMap);
}

fn topics(form: &mut impl Form, it: &mut TopicsConfig) {
    form.field("create_missing", &mut it.create_missing, Switch);
    form.field("partitions", &mut it.partitions, Optional(Whole(1..=100_000)));
    form.field("replication_factor", &mut it.replication_factor, Optional(Whole(1..=1000)));
    form.field("config", &mut it.config, TextMap);
}

fn route<F: Form>(form: &mut F, it: &mut RouteConfig) {
    form.field("use", &mut it.template, Optional(Text));
    common(form, it);
}

/// What a route and its template can say.
fn common<F: Form>(form: &mut F, it: &mut RouteConfig) {
    form.field("match", &mut it.matches, Matches);
    form.field("when", &mut it.when, Conditions);
    form.field("topics", &mut it.topics, Texts);
    form.field("key", &mut it.key, Texts);
    form.field("headers", &mut it.headers, HeaderValues);
    form.field("drop", &mut it.drop, Optional(Switch));
    form.field("continue", &mut it.continues, Optional(Switch));
}

fn dead_letter(form: &mut impl Form, it: &mut DeadLetterConfig) {
    form.field("topic", &mut it.topic, Text);
    form.field("answer", &mut it.answer, DEAD_LETTER_ANSWER);
}

fn spool(form: &mut impl Form, it: &mut SpoolConfig) {
    form.field("directory", &mut it.directory, Optional(Place));
    form.field("max_bytes", &mut it.max_bytes, Size(MIB..=1024 * 1024 * GIB));
    form.field("max_lane_share", &mut it.max_lane_share, Whole(1..=100));
}

fn deduplication(form: &mut impl Form, it: &mut DeduplicationConfig) {
    form.field("window", &mut it.window, Time(Duration::ZERO..=seconds(7 * DAY)));
    form.field("capacity", &mut it.capacity, Whole(1..=50_000_000));
}

fn shutdown(form: &mut impl Form, it: &mut ShutdownConfig) {
    form.field("delay", &mut it.delay, Time(Duration::ZERO..=seconds(10 * MINUTE)));
    form.field("timeout", &mut it.timeout, Time(millis(100)..=seconds(HOUR)));
}

fn telemetry(form: &mut impl Form, it: &mut TelemetryConfig) {
    form.field("log_format", &mut it.log_format, LOG_FORMAT);
    form.field("log_filter", &mut it.log_filter, Text);
    form.field("log_sample", &mut it.log_sample, Whole(0..=1_000_000_000));
    form.field("otlp_endpoint", &mut it.otlp.endpoint, Optional(Text));
    form.field("otlp_headers", &mut it.otlp.headers, SecretMap);
    form.field("otlp_headers_files", &mut it.otlp.header_files, TextMap);
    form.field("otlp_timeout", &mut it.otlp.timeout, Time(millis(100)..=seconds(MINUTE)));
    form.field("otlp_sample_ratio", &mut it.otlp.sample_ratio, Part);
}

const VALIDATION: Choice<Validation> = Choice(&[
    ("documented", Validation::Documented),
    ("tolerant", Validation::Tolerant),
    ("strict", Validation::Strict),
]);
const SIGNATURE_MODE: Choice<SignatureMode> =
    Choice(&[("enforce", SignatureMode::Enforce), ("monitor", SignatureMode::Monitor)]);
const UNKNOWN_EVENTS: Choice<UnknownEvents> =
    Choice(&[("forward", UnknownEvents::Forward), ("dead_letter", UnknownEvents::DeadLetter)]);
const DEAD_LETTER_ANSWER: Choice<DeadLetterAnswer> =
    Choice(&[("problem", DeadLetterAnswer::Problem), ("ok", DeadLetterAnswer::Ok)]);
const LOG_FORMAT: Choice<LogFormat> =
    Choice(&[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)]);
