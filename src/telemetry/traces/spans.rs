//! The spans: what each is called, hangs under and says.

use super::{Tracer, Tracing, span_id};
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

/// What takes an event's spans:
///
/// ```text
/// (the caller's)
/// └ http        from the request's header to its answer
///   └ ingest    from the whole body to the outcome: the span that records name
///     ├ ack     from handing records over to the last report
///     ├ spool   from asking the spool to the end of its commit
///     └ drain   from handing a spooled record over to its report, perhaps in a later process
/// ```
#[derive(Debug)]
pub struct Spans {
    tracing: Arc<Tracing>,
    trace: TraceId,
    /// The span that the request came from, in another process.
    caller: Option<SpanId>,
    http: SpanId,
    ingest: SpanId,
    /// When the request's header had come, by both clocks: one says what time it was, the other goes on
    /// evenly, so that spans never overlap wrongly.
    since: (SystemTime, Instant),
}

/// How an event ended, as its span says it. Texts come from closed sets and from the settings.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// The type, if it is one that JustCall is known to send.
    pub event_type: Option<KnownType>,
    /// `ce_id`
    pub event_id: &'a str,
    /// A tag of [`tags::OUTCOMES`].
    pub outcome: &'static str,
    /// Why it was refused or rejected: a tag.
    pub reason: Option<&'static str>,
    /// Whether it is durable, or need not be.
    pub is_good: bool,
}

/// A span that was begun: of the part of an event that is being worked on, if the event is traced.
#[derive(Debug)]
#[must_use]
pub struct Step<'a>(Option<(&'a Spans, Instant)>);

impl Spans {
    pub(super) fn new(tracing: Arc<Tracing>, own: &TraceContext, caller: Option<u64>, http: u64) -> Self {
        Self {
            tracing,
            trace: TraceId::from(own.trace_id()),
            caller: caller.map(span_id),
            http: span_id(http),
            ingest: span_id(own.span_id()),
            since: (SystemTime::now(), Instant::now()),
        }
    }

    /// The request was answered: it came to `route`, a path of the settings.
    pub fn answered(&self, route: &str, status: u16) {
        let parent = self.caller.unwrap_or(SpanId::INVALID);
        let attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        // A 4xx is the caller's fault and no fault of the server's.
        let status = if status >= 500 { Status::error("") } else { Status::Unset };
        let mut span = self.span("http", SpanKind::Server, self.http, parent, self.since.1);
        span.parent_span_is_remote = self.caller.is_some();
        self.tracing.export(SpanData { attributes, status, ..span });
    }

    /// The event, on which work began at `since`, has its outcome.
    pub fn ended(&self, since: Instant, ended: &Ended<'_>) {
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
        self.tracing.export(SpanData { attributes, status, ..span });
    }

    /// A span that ends now.
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

impl<'a> Step<'a> {
    /// Begins a part of an event's way.
    pub fn begin(spans: Option<&'a Spans>) -> Self {
        Self(spans.map(|spans| (spans, Instant::now())))
    }

    /// These records were handed over to Kafka, and reported on; or failed of that.
    pub fn ack<'r>(self, records: impl Iterator<Item = &'r Record>, result: Result<(), &'static str>) {
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
        let id = span_id(spans.tracing.span_id());
        let span = spans.span("ack", SpanKind::Client, id, spans.ingest, since);
        spans.tracing.export(SpanData { attributes, status: status(result), ..span });
    }

    /// What was not acknowledged was put into the spool; or was not.
    pub fn spool(self, result: Result<(), &'static str>) {
        let Some((spans, since)) = self.0 else { return };
        let attributes = result.err().map(|reason| KeyValue::new("error.type", reason)).into_iter().collect();
        let id = span_id(spans.tracing.span_id());
        let span = spans.span("spool", SpanKind::Internal, id, spans.ingest, since);
        spans.tracing.export(SpanData { attributes, status: status(result), ..span });
    }
}

/// The spans of what a drain has handed over, by its row. A record's headers say which trace it belongs
/// to, whichever process took it in.
#[derive(Debug)]
pub struct DrainSpans<R> {
    tracer: Tracer,
    out: HashMap<R, Out>,
}

#[derive(Debug)]
struct Out {
    context: TraceContext,
    topic: Arc<str>,
    since: SystemTime,
}

impl<R: Hash + Eq> DrainSpans<R> {
    /// None yet.
    pub fn new(tracer: Tracer) -> Self {
        Self { tracer, out: HashMap::new() }
    }

    /// A row was handed over.
    pub fn sent(&mut self, row: R, record: &Record) {
        if self.tracer.0.is_none() {
            return;
        }
        if let Some(context) = TraceContext::of(&record.headers).filter(TraceContext::is_sampled) {
            let topic = Arc::clone(&record.topic);
            self.out.insert(row, Out { context, topic, since: SystemTime::now() });
        }
    }

    #[cfg(test)]
    pub(super) fn rows(&self) -> usize {
        self.out.len()
    }

    /// A row was reported on.
    pub fn reported(&mut self, row: &R, result: Result<(), &'static str>) {
        let Some(tracing) = &self.tracer.0 else { return };
        let Some(Out { context, topic, since }) = self.out.remove(row) else { return };
        let mut attributes = sending("drain", result);
        attributes.push(destination(&topic));
        let (trace, parent) = (TraceId::from(context.trace_id()), span_id(context.span_id()));
        let id = span_id(tracing.span_id());
        // A clock that was set back meanwhile would make a span of a negative length.
        let times = (since, SystemTime::now().max(since));
        let mut span = span("drain", SpanKind::Client, trace, id, parent, times);
        span.parent_span_is_remote = true;
        tracing.export(SpanData { attributes, status: status(result), ..span });
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
