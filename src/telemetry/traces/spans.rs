//! Spans: names, parents and attributes.

use super::{ActiveTracer, Tracer, span_id};
use crate::record::{Record, TraceContext};
use crate::telemetry::tags;
use justcall_events::KnownType;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// Spans of one event:
///
/// ```text
/// (the caller's)
/// └ http        from the request's head to the response
///   └ ingest    from the complete body to the outcome: the span that records name
///     ├ ack     from producing records to the last report
///     ├ spool   from the request to the spool to the end of its commit
///     └ drain   from producing a spooled record to its report, possibly in a later process
/// ```
#[derive(Debug)]
pub struct EventSpans {
    tracer: Arc<ActiveTracer>,
    trace: TraceId,
    /// Span of the caller, in another process.
    caller: Option<SpanId>,
    http: SpanId,
    ingest: SpanId,
    /// Time of the request's head by both clocks. The monotonic clock keeps spans in order.
    since: (SystemTime, Instant),
}

/// End of an event. Texts come from closed sets and from the settings.
#[derive(Debug, Clone, Copy)]
pub struct EndedEvent<'a> {
    pub source: &'a str,
    /// `None`: not documented by JustCall.
    pub event_type: Option<KnownType>,
    /// `ce_id`.
    pub event_id: &'a str,
    /// One of [`tags::OUTCOMES`].
    pub outcome: &'static str,
    /// Stable tag of the refusal or rejection.
    pub reason: Option<&'static str>,
    /// The event is durable, or needs no durability.
    pub is_good: bool,
}

/// Span that has begun, if the event is traced.
#[derive(Debug)]
#[must_use]
pub(crate) struct OpenSpan<'a>(Option<(&'a EventSpans, Instant)>);

impl EventSpans {
    pub(super) fn new(tracer: Arc<ActiveTracer>, own: &TraceContext, caller: Option<u64>, http: u64) -> Self {
        Self {
            tracer,
            trace: TraceId::from(own.trace_id()),
            caller: caller.map(span_id),
            http: span_id(http),
            ingest: span_id(own.span_id()),
            since: (SystemTime::now(), Instant::now()),
        }
    }

    /// Ends the span of the request. `route` is a path of the settings.
    pub fn answered(&self, route: &str, status: u16) {
        let parent = self.caller.unwrap_or(SpanId::INVALID);
        let attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        // A 4xx is not an error of the server (OpenTelemetry's semantic conventions for HTTP).
        let status = if status >= 500 { Status::error("") } else { Status::Unset };
        let mut span = self.span("http", SpanKind::Server, self.http, parent, self.since.1);
        span.parent_span_is_remote = self.caller.is_some();
        self.tracer.export(SpanData { attributes, status, ..span });
    }

    /// Ends the span of the event, whose handling began at `since`.
    pub fn ended(&self, since: Instant, ended: &EndedEvent<'_>) {
        let event_type = ended.event_type.map_or(tags::OTHER, KnownType::name);
        let mut attributes = vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.type", "create"),
            KeyValue::new("messaging.message.id", ended.event_id.to_owned()),
            KeyValue::new("justcall.source", ended.source.to_owned()),
            KeyValue::new("justcall.event_type", event_type),
            KeyValue::new("justcall.outcome", ended.outcome),
        ];
        attributes.extend(ended.reason.map(|reason| KeyValue::new("justcall.reason", reason)));
        let failure = ended.reason.filter(|_| !ended.is_good);
        attributes.extend(failure.map(|reason| KeyValue::new("error.type", reason)));
        let status = status(failure.map_or(Ok(()), Err));
        let span = self.span("ingest", SpanKind::Producer, self.ingest, self.http, since);
        self.tracer.export(SpanData { attributes, status, ..span });
    }

    fn span(
        &self,
        name: &'static str,
        kind: SpanKind,
        id: SpanId,
        parent: SpanId,
        since: Instant,
    ) -> SpanData {
        let time = |at: Instant| self.since.0 + at.saturating_duration_since(self.since.1);
        span(name, kind, self.trace, id, parent, (time(since), time(Instant::now())))
    }
}

impl<'a> OpenSpan<'a> {
    pub(crate) fn begin(spans: Option<&'a EventSpans>) -> Self {
        Self(spans.map(|spans| (spans, Instant::now())))
    }

    /// Ends the span of producing records, after the last report or failure.
    pub(crate) fn ack<'r>(self, records: impl Iterator<Item = &'r Record>, result: Result<(), &'static str>) {
        let Some((spans, since)) = self.0 else { return };
        let topics: Vec<_> = records.map(|record| &record.topic).collect();
        if topics.is_empty() {
            return;
        }
        let mut attributes = sending("send", result);
        attributes.push(KeyValue::new("messaging.batch.message_count", topics.len() as i64));
        if let [topic] = topics[..] {
            attributes.push(destination(topic));
        }
        let id = span_id(spans.tracer.span_id());
        let span = spans.span("ack", SpanKind::Client, id, spans.ingest, since);
        spans.tracer.export(SpanData { attributes, status: status(result), ..span });
    }

    pub(crate) fn spool(self, result: Result<(), &'static str>) {
        let Some((spans, since)) = self.0 else { return };
        let attributes = result.err().map(|reason| KeyValue::new("error.type", reason)).into_iter().collect();
        let id = span_id(spans.tracer.span_id());
        let span = spans.span("spool", SpanKind::Internal, id, spans.ingest, since);
        spans.tracer.export(SpanData { attributes, status: status(result), ..span });
    }
}

/// Spans of the records that a drain has sent, by row. The record's headers name the trace.
#[derive(Debug)]
pub(crate) struct DrainSpans<R> {
    tracer: Tracer,
    sent: HashMap<R, SentRow>,
}

#[derive(Debug)]
struct SentRow {
    context: TraceContext,
    topic: Arc<str>,
    since: SystemTime,
}

impl<R: Hash + Eq> DrainSpans<R> {
    pub(crate) fn new(tracer: Tracer) -> Self {
        Self { tracer, sent: HashMap::new() }
    }

    pub(crate) fn sent(&mut self, row: R, record: &Record) {
        if self.tracer.0.is_none() {
            return;
        }
        if let Some(context) = TraceContext::from_headers(&record.headers).filter(TraceContext::is_sampled) {
            let topic = Arc::clone(&record.topic);
            self.sent.insert(row, SentRow { context, topic, since: SystemTime::now() });
        }
    }

    #[cfg(test)]
    pub(super) fn rows(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn reported(&mut self, row: &R, result: Result<(), &'static str>) {
        let Some(tracer) = &self.tracer.0 else { return };
        let Some(SentRow { context, topic, since }) = self.sent.remove(row) else { return };
        let mut attributes = sending("drain", result);
        attributes.push(destination(&topic));
        let (trace, parent) = (TraceId::from(context.trace_id()), span_id(context.span_id()));
        let id = span_id(tracer.span_id());
        // A clock that was set back would give a negative duration.
        let times = (since, SystemTime::now().max(since));
        let mut span = span("drain", SpanKind::Client, trace, id, parent, times);
        span.parent_span_is_remote = true;
        tracer.export(SpanData { attributes, status: status(result), ..span });
    }
}

fn sending(operation: &'static str, result: Result<(), &'static str>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("messaging.system", "kafka"),
        KeyValue::new("messaging.operation.type", "send"),
        KeyValue::new("messaging.operation.name", operation),
    ];
    attributes.extend(result.err().map(|reason| KeyValue::new("error.type", reason)));
    attributes
}

fn destination(topic: &Arc<str>) -> KeyValue {
    KeyValue::new("messaging.destination.name", Value::from(Arc::clone(topic)))
}

fn status(result: Result<(), &'static str>) -> Status {
    result.map_or_else(Status::error, |()| Status::Unset)
}

fn span(
    name: &'static str,
    kind: SpanKind,
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    (start_time, end_time): (SystemTime, SystemTime),
) -> SpanData {
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: kind,
        name: name.into(),
        start_time,
        end_time,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}
