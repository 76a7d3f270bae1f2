//! Names of headers and reasons of dead letters. Writers, `tail` and AsyncAPI use this table.

#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownHeader {
    /// In lower case.
    pub name: &'static str,
    pub kinds: RecordKinds,
    pub is_required: bool,
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKinds {
    Event,
    DeadLetter,
    Both,
    Mark,
}

impl KnownHeader {
    pub(crate) fn is_on(&self, kind: RecordKinds) -> bool {
        self.kinds == kind || self.kinds == RecordKinds::Both && kind != RecordKinds::Mark
    }
}

macro_rules! headers {
    ($($constant:ident = $name:literal $kinds:ident $required:literal $about:literal;)*) => {
        $(
            #[doc = concat!("Header `", $name, "`.")]
            pub(crate) const $constant: &str = $name;
        )*

        /// Routes add others.
        pub(crate) const HEADERS: &[KnownHeader] = &[$(
            KnownHeader {
                name: $name,
                kinds: RecordKinds::$kinds,
                is_required: $required,
                about: $about,
            }
        ),*];
    };
}

headers! {
    CE_SPECVERSION = "ce_specversion" Event true "CloudEvents version.";
    CE_ID = "ce_id" Event true "Id of the event, equal for every delivery of it: consumers drop repeats. It is the live dialect's `request_id`, otherwise the first bytes of the body's SHA-256.";
    CE_SOURCE = "ce_source" Event true "Configured source of the event.";
    CE_TYPE = "ce_type" Event true "Event type of JustCall.";
    CE_TIME = "ce_time" Event true "Time of the event. If the event has none, the time of its signature or receipt.";
    CE_SUBJECT = "ce_subject" Event false "Id of the call, message, contact or appointment.";
    CE_DIALECT = "ce_dialect" Event true "Dialect of the payload: JustCall has two.";
    CONTENT_TYPE = "content-type" Event true "Media type of the payload.";
    TRACEPARENT = "traceparent" Both false "W3C trace context: the bridge's span if it traces the event, otherwise the sender's span.";
    TRACESTATE = "tracestate" Both false "W3C tracestate of the sender.";
    VIOLATIONS = "justcall-violations" Event false "Number of contract violations that `validation: tolerant` accepted.";
    REPLAYED = "justcall-replayed" Event false "Time at which `replay` or `dead-letters replay` wrote the record. Absent on other records.";
    DLQ_REASON = "dlq_reason" DeadLetter true "Stable tag of the reason. Only dead letters have this header.";
    DLQ_DETAIL = "dlq_detail" DeadLetter true "Description of the reason, without any part of the body.";
    DLQ_SOURCE = "dlq_source" DeadLetter true "Name of the configured source.";
    DLQ_RECEIVED_AT = "dlq_received_at" DeadLetter true "Time of receipt.";
    DLQ_EVENT_ID = "dlq_event_id" DeadLetter true "`ce_id` that the event would have.";
    DLQ_TOPIC = "dlq_topic" DeadLetter false "Topic for which Kafka refused the record. The event's other topics have it.";
    DLQ_REPLAYED = "dlq_replayed" Mark true "Replayed dead letter, as `partition-offset` in this topic.";
    DLQ_REPLAYED_AT = "dlq_replayed_at" Mark true "Time of the replay.";
}

pub(crate) const RESERVED_PREFIXES: [&str; 3] = ["ce_", "dlq_", "justcall-"];

/// `name` is in lower case. Includes names for later versions.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || is_written(name)
}

/// `name` is in lower case.
pub(crate) fn is_written(name: &str) -> bool {
    HEADERS.iter().any(|header| header.name == name)
}

macro_rules! reasons {
    ($($constant:ident = $tag:literal;)*) => {
        $(
            #[doc = concat!("Reason `", $tag, "`.")]
            pub(crate) const $constant: &str = $tag;
        )*

        /// Values of `dlq_reason`.
        pub(crate) const REASONS: &[&str] = &[$($tag),*];
    };
}

reasons! {
    NOT_JSON = "not_json";
    NOT_AN_ENVELOPE = "not_an_envelope";
    AMBIGUOUS_DIALECT = "ambiguous_dialect";
    CONTRACT_VIOLATION = "contract_violation";
    UNKNOWN_TYPE = "unknown_type";
    TOO_LARGE_FOR_KAFKA = "too_large_for_kafka";
    REFUSED_BY_KAFKA = "refused_by_kafka";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_lower_case_and_reserved() {
        let mut names: Vec<_> = HEADERS.iter().map(|header| header.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| is_reserved(name) && *name == name.to_ascii_lowercase()));
        assert!(is_reserved("ce_other") && !is_written("ce_other") && !is_reserved("team"));
    }
}
