//! Schema of the settings: key, place and type of each.

use super::settings::{Settings, ShutdownConfig};
use super::value_types::maps::TextMap;
use super::value_types::routes::{Conditions, HeaderValues, MatchList};
use super::value_types::secrets::{KafkaProperties, SecretList, SecretMap, SecretText};
use super::value_types::{
    Boolean, ByteSize, Choice, FilePath, Fraction, Integer, ListenAddress, NonEmptyText, Optional,
    ServerList, TextList, TimeSpan, UrlPath,
};
use crate::http::{AdminConfig, Config as ServerConfig};
use crate::ingest::{
    DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, SignatureConfig, SignatureMode, SourceConfig,
};
use crate::kafka::TopicsConfig;
use crate::routing::{RouteConfig, UnknownEvents};
use crate::spool::Config as SpoolConfig;
use crate::telemetry::{Config as TelemetryConfig, LogFormat};
use justcall_events::Validation;
use std::time::Duration;
use visitor::SchemaVisitor;

pub(super) mod lookup;
pub(super) mod visitor;

/// Largest number that actix-server accepts.
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

const REQUEST_TIMEOUT: TimeSpan = TimeSpan(millis(100)..=seconds(10 * MINUTE));

/// In the order in which they are printed.
pub(super) fn visit_settings(visitor: &mut impl SchemaVisitor, settings: &mut Settings) {
    visitor.section("server", |visitor| server(visitor, &mut settings.server));
    visitor.section("admin", |visitor| admin(visitor, &mut settings.admin));
    visitor.named("sources", &mut settings.ingest.sources, source);
    visitor.section("kafka", |visitor| kafka(visitor, settings));
    visitor.section("topics", |visitor| {
        visitor.field("prefix", &mut settings.routing.prefix, NonEmptyText);
        topics(visitor, &mut settings.kafka.topics);
    });
    visitor.named("route_templates", &mut settings.routing.templates, |visitor, template| {
        route_rule(visitor, &mut template.route);
    });
    visitor.list("routes", &mut settings.routing.routes, route);
    visitor.field("unknown_events", &mut settings.routing.unknown_events, UNKNOWN_EVENTS);
    visitor.default_to(&mut settings.ingest.dead_letter.topic, || {
        format!("{}dead-letter", settings.routing.prefix)
    });
    visitor.section("dead_letter", |visitor| {
        dead_letter(visitor, &mut settings.ingest.dead_letter);
        let quota = &mut settings.delivery.dead_letters;
        visitor.field("max_spool_bytes", &mut quota.max_bytes, ByteSize(MIB..=GIB));
        visitor.field("max_spool_rate", &mut quota.max_rate, Integer(1..=1_000_000));
    });
    visitor.section("spool", |visitor| spool(visitor, &mut settings.spool));
    visitor.section("deduplication", |visitor| deduplication(visitor, &mut settings.ingest.deduplication));
    visitor.section("shutdown", |visitor| shutdown(visitor, &mut settings.shutdown));
    visitor.section("telemetry", |visitor| telemetry(visitor, &mut settings.telemetry));
}

fn server(visitor: &mut impl SchemaVisitor, config: &mut ServerConfig) {
    visitor.field("listen", &mut config.listen, ListenAddress);
    visitor.field("workers", &mut config.workers, Optional(Integer(1..=MAX_WORKERS)));
    visitor.field("max_body_bytes", &mut config.max_body_bytes, ByteSize(KIB..=100 * MIB));
    visitor.field("max_in_flight", &mut config.max_in_flight, ByteSize(64 * KIB..=64 * GIB));
    visitor.field("request_timeout", &mut config.request_timeout, REQUEST_TIMEOUT);
    visitor.field("header_timeout", &mut config.header_timeout, REQUEST_TIMEOUT);
    visitor.field("keep_alive", &mut config.keep_alive, TimeSpan(seconds(1)..=seconds(HOUR)));
    visitor.section("tls", |visitor| {
        visitor.field("certificate", &mut config.tls.certificate, Optional(FilePath));
        visitor.field("key", &mut config.tls.key, Optional(FilePath));
    });
}

fn admin(visitor: &mut impl SchemaVisitor, config: &mut AdminConfig) {
    visitor.field("listen", &mut config.listen, ListenAddress);
}

fn source<F: SchemaVisitor>(visitor: &mut F, config: &mut SourceConfig) {
    visitor.field("path", &mut config.path, UrlPath);
    visitor.field("validation", &mut config.validation, VALIDATION);
    visitor.section("signature", |visitor| signature(visitor, &mut config.signature));
    visitor.field("token", &mut config.token, Optional(SecretText));
    visitor.field("token_file", &mut config.token_file, Optional(FilePath));
}

fn signature(visitor: &mut impl SchemaVisitor, config: &mut SignatureConfig) {
    visitor.field("required", &mut config.required, Optional(Boolean));
    visitor.field("mode", &mut config.mode, SIGNATURE_MODE);
    visitor.field("secrets", &mut config.secrets, SecretList);
    visitor.field("secrets_file", &mut config.secrets_file, Optional(FilePath));
    visitor.field("urls", &mut config.urls, TextList);
    visitor.field("tolerance", &mut config.tolerance, TimeSpan(seconds(MINUTE)..=seconds(DAY)));
}

fn kafka(visitor: &mut impl SchemaVisitor, settings: &mut Settings) {
    visitor.field("bootstrap_servers", &mut settings.kafka.bootstrap_servers, ServerList);
    visitor.field(
        "ack_deadline",
        &mut settings.delivery.ack_deadline,
        TimeSpan(millis(10)..=seconds(MINUTE)),
    );
    visitor.field("properties", &mut settings.kafka.properties, KafkaProperties);
    visitor.field("properties_files", &mut settings.property_files, TextMap);
}

fn topics(visitor: &mut impl SchemaVisitor, config: &mut TopicsConfig) {
    visitor.field("create_missing", &mut config.create_missing, Boolean);
    visitor.field("partitions", &mut config.partitions, Optional(Integer(1..=100_000)));
    visitor.field("replication_factor", &mut config.replication_factor, Optional(Integer(1..=1000)));
    visitor.field("config", &mut config.config, TextMap);
}

fn route<F: SchemaVisitor>(visitor: &mut F, config: &mut RouteConfig) {
    visitor.field("use", &mut config.template, Optional(NonEmptyText));
    route_rule(visitor, config);
}

fn route_rule<F: SchemaVisitor>(visitor: &mut F, config: &mut RouteConfig) {
    visitor.field("match", &mut config.matches, MatchList);
    visitor.field("when", &mut config.when, Conditions);
    visitor.field("topics", &mut config.topics, TextList);
    visitor.field("key", &mut config.key, TextList);
    visitor.field("headers", &mut config.headers, HeaderValues);
    visitor.field("drop", &mut config.drop, Optional(Boolean));
    visitor.field("continue", &mut config.continues, Optional(Boolean));
}

fn dead_letter(visitor: &mut impl SchemaVisitor, config: &mut DeadLetterConfig) {
    visitor.field("topic", &mut config.topic, NonEmptyText);
    visitor.field("answer", &mut config.answer, DEAD_LETTER_ANSWER);
}

fn spool(visitor: &mut impl SchemaVisitor, config: &mut SpoolConfig) {
    visitor.field("directory", &mut config.directory, Optional(FilePath));
    visitor.field("max_bytes", &mut config.max_bytes, ByteSize(MIB..=1024 * 1024 * GIB));
    visitor.field("max_lane_share", &mut config.max_lane_share, Integer(1..=100));
}

fn deduplication(visitor: &mut impl SchemaVisitor, config: &mut DeduplicationConfig) {
    visitor.field("window", &mut config.window, TimeSpan(Duration::ZERO..=seconds(7 * DAY)));
    visitor.field("capacity", &mut config.capacity, Integer(1..=50_000_000));
}

fn shutdown(visitor: &mut impl SchemaVisitor, config: &mut ShutdownConfig) {
    visitor.field("delay", &mut config.delay, TimeSpan(Duration::ZERO..=seconds(10 * MINUTE)));
    visitor.field("timeout", &mut config.timeout, TimeSpan(millis(100)..=seconds(HOUR)));
}

fn telemetry(visitor: &mut impl SchemaVisitor, config: &mut TelemetryConfig) {
    visitor.field("log_format", &mut config.log_format, LOG_FORMAT);
    visitor.field("log_filter", &mut config.log_filter, NonEmptyText);
    visitor.field("log_sample", &mut config.log_sample, Integer(0..=1_000_000_000));
    visitor.field("otlp_endpoint", &mut config.otlp.endpoint, Optional(NonEmptyText));
    visitor.field("otlp_headers", &mut config.otlp.headers, SecretMap);
    visitor.field("otlp_headers_files", &mut config.otlp.header_files, TextMap);
    visitor.field("otlp_timeout", &mut config.otlp.timeout, TimeSpan(millis(100)..=seconds(MINUTE)));
    visitor.field("otlp_sample_ratio", &mut config.otlp.sample_ratio, Fraction);
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
