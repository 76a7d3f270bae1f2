//! Traces: the span that an event's records name, and the spans of the event.
//!
//! A span is created at its end and put into a bounded queue. A thread sends batches to a collector (OTLP
//! over HTTP). Without a collector, only the caller's trace is passed on.

mod exporter;
mod spans;

#[cfg(test)]
mod tests;

pub(crate) use exporter::{TraceError, check_endpoint, check_header};
pub(crate) use spans::{DrainSpans, EndedEvent, EventSpans, OpenSpan};

use super::{Metrics, OtlpConfig};
use crate::record::TraceContext;
use exporter::Exporter;
use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample, SpanData,
};
use std::sync::Arc;
use std::time::Duration;

/// Sampler and exporter of traces. Clones share one exporter.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<ActiveTracer>>);

#[derive(Debug)]
struct ActiveTracer {
    ids: RandomIdGenerator,
    /// Ratio for events without a caller's trace.
    sampler: Sampler,
    exporter: Exporter,
}

#[derive(Debug, Clone)]
pub struct Trace {
    context: TraceContext,
    spans: Option<Arc<EventSpans>>,
}

impl Tracer {
    /// Returns a tracer that only passes on the caller's trace.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Starts a tracer, which is off without a collector. Fails if the HTTP client cannot be created, for
    /// example because no root certificates are installed.
    pub fn start(config: &OtlpConfig, metrics: &Arc<Metrics>) -> Result<Self, TraceError> {
        let Some(endpoint) = &config.endpoint else { return Ok(Self::off()) };
        let exporter = Exporter::start(endpoint, config, Arc::clone(metrics))?;
        let sampler = Sampler::TraceIdRatioBased(config.sample_ratio.value());
        Ok(Self(Some(Arc::new(ActiveTracer { ids: RandomIdGenerator::default(), sampler, exporter }))))
    }

    /// Begins the trace of a webhook, from its headers. The caller decides on sampling of its own trace,
    /// otherwise `sample_ratio`.
    pub fn begin_trace(
        &self,
        traceparent: Option<&str>,
        tracestate: impl FnOnce() -> Option<String>,
    ) -> Option<Trace> {
        let caller = traceparent.and_then(|parent| TraceContext::parse(parent, tracestate().as_deref()));
        match &self.0 {
            None => caller.map(Trace::unrecorded),
            Some(tracer) => Some(tracer.begin_trace(caller)),
        }
    }

    /// Sends the queued spans within a time limit, and drops later ones.
    pub async fn stop(&self, within: Duration) {
        if let Some(tracer) = &self.0 {
            tracer.exporter.stop(within).await;
        }
    }
}

impl ActiveTracer {
    fn begin_trace(self: &Arc<Self>, caller: Option<TraceContext>) -> Trace {
        let Some(caller) = caller else {
            let trace = self.ids.new_trace_id();
            let (id, span) = (trace_id(trace), self.span_id());
            return if self.samples(trace) {
                self.traced(TraceContext::root(id, span, true), None)
            } else {
                // Without it, a consumer would begin a trace that the bridge did not sample.
                Trace::unrecorded(TraceContext::root(id, span, false))
            };
        };
        if !caller.is_sampled() {
            return Trace::unrecorded(caller);
        }
        self.traced(caller.child(self.span_id()), Some(caller.span_id()))
    }

    fn traced(self: &Arc<Self>, context: TraceContext, caller: Option<u64>) -> Trace {
        let spans = EventSpans::new(Arc::clone(self), &context, caller, self.span_id());
        Trace { context, spans: Some(Arc::new(spans)) }
    }

    fn samples(&self, trace: TraceId) -> bool {
        self.sampler.should_sample(None, trace, "", &SpanKind::Server, &[], &[]).decision
            == SamplingDecision::RecordAndSample
    }

    fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.ids.new_span_id().to_bytes())
    }

    fn export(&self, span: SpanData) {
        self.exporter.export(span);
    }
}

impl Trace {
    /// Returns a trace without spans of the bridge.
    fn unrecorded(context: TraceContext) -> Self {
        Self { context, spans: None }
    }

    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    pub fn spans(&self) -> Option<&Arc<EventSpans>> {
        self.spans.as_ref()
    }
}

fn trace_id(trace: TraceId) -> u128 {
    u128::from_be_bytes(trace.to_bytes())
}

fn span_id(id: u64) -> SpanId {
    SpanId::from(id)
}
