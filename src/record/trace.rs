//! W3C Trace Context: the headers `traceparent` and `tracestate`.

use super::{Headers, TRACEPARENT, TRACESTATE};

/// Longest `traceparent`, in bytes. Versions after 00 set no limit, and it becomes part of every record.
const MAX_TRACEPARENT: usize = 256;

/// A longer `tracestate` is left out, as the standard allows: it becomes part of every record.
const LONGEST_STATE: usize = 512;

/// The least significant flag: the trace is kept.
const SAMPLED: u8 = 1;

/// Whose doing something is: a trace, and the span in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: Box<str>,
    state: Option<Box<str>>,
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceContext {
    /// Reads the headers' values. `None` where `traceparent` is not well-formed: then `tracestate` means
    /// nothing either. A `tracestate` that is too long or no text is left out.
    pub fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (trace, span, flags) = parse(traceparent).filter(|_| traceparent.len() <= MAX_TRACEPARENT)?;
        let state = tracestate.filter(|state| is_state(state)).map(Box::from);
        Some(Self { parent: traceparent.into(), state, trace, span, flags })
    }

    /// What a record's headers say.
    pub fn of(headers: &Headers) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value).ok());
        Self::read(text(TRACEPARENT)?, text(TRACESTATE))
    }

    /// The start of a trace. Neither id may be zero.
    pub fn root(trace: u128, span: u64, sampled: bool) -> Self {
        Self::new(trace, span, u8::from(sampled), None)
    }

    /// The same trace, seen from a span of its own below this one.
    pub fn child(&self, span: u64) -> Self {
        Self::new(self.trace, span, self.flags & SAMPLED, self.state.clone())
    }

    fn new(trace: u128, span: u64, flags: u8, state: Option<Box<str>>) -> Self {
        let parent = format!("00-{trace:032x}-{span:016x}-{flags:02x}").into();
        Self { parent, state, trace, span, flags }
    }

    /// The trace's id.
    pub fn trace_id(&self) -> u128 {
        self.trace
    }

    /// The span's id.
    pub fn span_id(&self) -> u64 {
        self.span
    }

    /// Whether whoever began the trace wants it kept.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Value of [`TRACEPARENT`].
    pub fn traceparent(&self) -> &str {
        &self.parent
    }

    /// Value of [`TRACESTATE`], if there is one.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Trace, span and flags of `version-trace-span-flags` in lower-case hex, with neither id all zeros. Later
/// versions may carry more behind the flags.
fn parse(text: &str) -> Option<(u128, u64, u8)> {
    let mut parts = text.splitn(5, '-');
    let mut part = |len| parts.next().filter(|part| is_lower_hex(part, len));
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    Some((trace, span, u8::from_str_radix(flags, 16).ok()?))
}

fn is_lower_hex(part: &str, len: usize) -> bool {
    part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_state(text: &str) -> bool {
    (1..=LONGEST_STATE).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

#[cfg(test)]
mod tests;
