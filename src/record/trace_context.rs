//! W3C Trace Context: the headers `traceparent` and `tracestate`.

use super::{Headers, TRACEPARENT, TRACESTATE};

/// Bytes. Versions after 00 have no limit, and every record carries the header.
const MAX_TRACEPARENT: usize = 256;

/// Bytes. The standard allows leaving out a longer one.
const MAX_TRACESTATE: usize = 512;

const SAMPLED: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: Box<str>,
    state: Option<Box<str>>,
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceContext {
    /// `None` if `traceparent` is malformed, because `tracestate` then has no meaning. Leaves out a
    /// `tracestate` that is too long or not text.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (trace, span, flags) =
            parse_traceparent(traceparent).filter(|_| traceparent.len() <= MAX_TRACEPARENT)?;
        let state = tracestate.filter(|state| is_tracestate(state)).map(Box::from);
        Some(Self { parent: traceparent.into(), state, trace, span, flags })
    }

    pub fn from_headers(headers: &Headers) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value).ok());
        Self::parse(text(TRACEPARENT)?, text(TRACESTATE))
    }

    /// Neither id may be zero.
    pub fn root(trace: u128, span: u64, sampled: bool) -> Self {
        Self::new(trace, span, u8::from(sampled), None)
    }

    pub fn child(&self, span: u64) -> Self {
        Self::new(self.trace, span, self.flags & SAMPLED, self.state.clone())
    }

    fn new(trace: u128, span: u64, flags: u8, state: Option<Box<str>>) -> Self {
        let parent = format!("00-{trace:032x}-{span:016x}-{flags:02x}").into();
        Self { parent, state, trace, span, flags }
    }

    pub fn trace_id(&self) -> u128 {
        self.trace
    }

    pub fn span_id(&self) -> u64 {
        self.span
    }

    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    pub fn traceparent(&self) -> &str {
        &self.parent
    }

    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Parses `version-trace-span-flags` in lower-case hex. No id is zero. Later versions may append fields.
fn parse_traceparent(text: &str) -> Option<(u128, u64, u8)> {
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

fn is_tracestate(text: &str) -> bool {
    (1..=MAX_TRACESTATE).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

#[cfg(test)]
mod tests;
