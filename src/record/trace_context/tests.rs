use super::*;

const STANDARD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn is_traceparent(text: &str) -> bool {
    TraceContext::parse(text, None).is_some()
}

#[test]
fn example_of_the_standard_is_parsed() {
    let context = TraceContext::parse(STANDARD, None).unwrap();
    assert_eq!(context.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(context.span_id(), 0xb7ad_6b71_6920_3331);
    assert!(context.is_sampled());
}

#[test]
fn later_version_may_append_fields() {
    assert!(is_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-ever"));
    assert!(is_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert!(!is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-ever"));
    assert!(!is_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01what"));
}

#[test]
fn malformed_traceparent_is_refused() {
    for text in [
        "",
        "00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
    ] {
        assert!(!is_traceparent(text), "{text}");
    }
}

#[test]
fn headers_are_passed_on_unchanged() {
    let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more";
    let context = TraceContext::parse(later, Some("vendor=1, other=2")).unwrap();
    assert_eq!((context.traceparent(), context.tracestate()), (later, Some("vendor=1, other=2")));
}

#[test]
fn child_keeps_trace_and_sampling() {
    let context = TraceContext::parse(STANDARD, Some("vendor=1")).unwrap().child(0x2a);
    assert_eq!(context.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-000000000000002a-01");
    assert_eq!((context.tracestate(), context.span_id()), (Some("vendor=1"), 42));
    let unknown_flags = TraceContext::parse(&STANDARD.replace("-01", "-fe"), None).unwrap();
    assert!(!unknown_flags.is_sampled());
    assert!(unknown_flags.child(1).traceparent().ends_with("-00"));
}

#[test]
fn root_carries_the_sampled_flag() {
    assert_eq!(
        TraceContext::root(1, 2, true).traceparent(),
        "00-00000000000000000000000000000001-0000000000000002-01"
    );
    assert!(!TraceContext::root(1, 2, false).is_sampled());
}

#[test]
fn invalid_tracestate_is_left_out() {
    let (fits, too_long) = ("a".repeat(512), "a".repeat(513));
    assert_eq!(TraceContext::parse(STANDARD, Some(&fits)).unwrap().tracestate(), Some(fits.as_str()));
    for state in ["", &too_long, "a=\u{e9}", "a=\n"] {
        assert_eq!(TraceContext::parse(STANDARD, Some(state)).unwrap().tracestate(), None, "{state:?}");
    }
}

#[test]
fn context_is_read_from_record_headers() {
    let context = TraceContext::parse(STANDARD, Some("vendor=1")).unwrap();
    let headers = Headers::builder(0)
        .add("ce_id", "1")
        .add(TRACEPARENT, context.traceparent())
        .add(TRACESTATE, context.tracestate().unwrap());
    assert_eq!(TraceContext::from_headers(&headers.build()), Some(context));
    assert_eq!(TraceContext::from_headers(&Headers::default()), None);
}

#[test]
fn traceparent_has_a_maximum_length() {
    let with = |more: usize| format!("01-{}-{}-01-{}", "a".repeat(32), "b".repeat(16), "x".repeat(more));
    assert!(TraceContext::parse(&with(10), None).is_some());
    assert!(TraceContext::parse(&with(MAX_TRACEPARENT), None).is_none());
}
