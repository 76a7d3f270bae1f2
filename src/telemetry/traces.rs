//! Traces: the span that an event's records hang under, and the spans that the event leaves.
//!
//! A span is made when what it tells of has ended, with its times, and put into a queue of fixed length;
//! a thread of its own sends what gathers there to a collector (OTLP over HTTP). Whoever handles an event
//! carries one value, its [`Trace`], and waits for nothing. Without a collector there is none to carry
//! but what the request came with.

mod exporter;
mod spans;

#[cfg(test)]
mod tests;

pub use exporter::{TraceError, check_endpoint, check_header};
pub use spans::{DrainSpans, Ended, Spans, Step};

use super::{Metrics, OtlpConfig};
use crate::record::TraceContext;
use exporter::Exporter;
use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, ShouldSample, SpanData};
use std::sync::Arc;
use std::time::Duration;

/// Decides which events are traced, and takes their spans. Clones are the same tracer.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<Tracing>>);

#[derive(Debug)]
struct Tracing {
    ids: RandomIdGenerator,
    /// For events whose caller has no trace of its own.
    sampler: Sampler,
    exporter: Exporter,
}

/// Where an event stands in a trace.
#[derive(Debug, Clone)]
pub struct Trace {
    /// What its records say.
    context: TraceContext,
    /// Takes its spans, if it is traced here.
    spans: Option<Arc<Spans>>,
}

impl Tracer {
    /// Traces nothing: what a request says of a trace is passed on as it came.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Traces if there is a collector to send spans to.
    ///
    /// # Errors
    /// When no client can be made for it, as where no root certificates are installed.
    pub fn start(config: &OtlpConfig, metrics: &Arc<Metrics>) -> Result<Self, TraceError> {
        let Some(endpoint) = &config.endpoint else { return Ok(Self::off()) };
        let exporter = Exporter::start(endpoint, config, Arc::clone(metrics))?;
        let sampler = Sampler::TraceIdRatioBased(config.sample_ratio.value());
        Ok(Self(Some(Arc::new(Tracing { ids: RandomIdGenerator::default(), sampler, exporter }))))
    }

    /// The trace of a webhook whose header has come, with the values of its `traceparent` and
    /// `tracestate`.
    ///
    /// A caller's trace is kept or not as the caller says; a part of the others is.
    pub fn arrives(
        &self,
        traceparent: Option<&str>,
        tracestate: impl FnOnce() -> Option<String>,
    ) -> Option<Trace> {
        let caller = traceparent.and_then(|parent| TraceContext::read(parent, tracestate().as_deref()));
        match &self.0 {
            None => caller.map(Trace::elsewhere),
            Some(tracing) => Some(tracing.arrives(caller)),
        }
    }

    /// Sends what is in the queue, for so long at most, and takes no more.
    pub async fn stop(&self, within: Duration) {
        if let Some(tracing) = &self.0 {
            tracing.exporter.stop(within).await;
        }
    }
}

impl Tracing {
    fn arrives(self: &Arc<Self>, caller: Option<TraceContext>) -> Trace {
        let Some(caller) = caller else {
            let trace = self.ids.new_trace_id();
            let (id, span) = (number(trace), self.span_id());
            return if self.keeps(trace) {
                self.traced(TraceContext::root(id, span, true), None)
            } else {
                // So that no consumer begins a trace of what the bridge has left out.
                Trace::elsewhere(TraceContext::root(id, span, false))
            };
        };
        if !caller.is_sampled() {
            return Trace::elsewhere(caller);
        }
        self.traced(caller.child(self.span_id()), Some(caller.span_id()))
    }

    fn traced(self: &Arc<Self>, context: TraceContext, caller: Option<u64>) -> Trace {
        let spans = Spans::new(Arc::clone(self), &context, caller, self.span_id());
        Trace { context, spans: Some(Arc::new(spans)) }
    }

    fn keeps(&self, trace: TraceId) -> bool {
        use opentelemetry_sdk::trace::SamplingDecision::RecordAndSample;
        self.sampler.should_sample(None, trace, "", &SpanKind::Server, &[], &[]).decision == RecordAndSample
    }

    fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.ids.new_span_id().to_bytes())
    }

    fn export(&self, span: SpanData) {
        self.exporter.export(span);
    }
}

impl Trace {
    /// Of which nothing is recorded here.
    fn elsewhere(context: TraceContext) -> Self {
        Self { context, spans: None }
    }

    /// What the event's records say.
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Takes the event's spans, if it is traced here.
    pub fn spans(&self) -> Option<&Arc<Spans>> {
        self.spans.as_ref()
    }
}

fn number(trace: TraceId) -> u128 {
    u128::from_be_bytes(trace.to_bytes())
}

fn span_id(id: u64) -> SpanId {
    SpanId::from(id)
}
