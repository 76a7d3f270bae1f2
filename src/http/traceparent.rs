//! The `traceparent` header of W3C Trace Context.

/// Whether a header value is well-formed: `version-trace_id-parent_id-flags` in lower-case hex, with
/// neither id all zeros. Later versions may carry more behind the flags.
pub(super) fn is_traceparent(text: &str) -> bool {
    let mut parts = text.splitn(5, '-');
    let mut part = |len| parts.next().filter(|part| is_lower_hex(part, len));
    let (Some(version), Some(trace), Some(parent), Some(_flags)) = (part(2), part(32), part(16), part(2))
    else {
        return false;
    };
    version != "ff"
        && trace.bytes().any(|digit| digit != b'0')
        && parent.bytes().any(|digit| digit != b'0')
        && (version != "00" || parts.next().is_none())
}

fn is_lower_hex(part: &str, len: usize) -> bool {
    part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
