use super::*;

const STANDARD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn is_traceparent(text: &str) -> bool {
    TraceContext::read(text, None).is_some()
}

#[test]
fn the_standards_example_is_well_formed() {
    let context = TraceContext::read(STANDARD, None).unwrap();
    assert_eq!(context.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(context.span_id(), 0xb7ad_6b71_6920_3331);
    assert!(context.is_sampled());
}

#[test]
fn later_versions_may_carry_more() {
    assert!(is_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-ever"));
    assert!(is_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert!(!is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-ever"));
    assert!(!is_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01what"));
}

#[test]
fn anything_else_is_not() {
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
fn what_comes_in_goes_out_as_it_was() {
    let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more";
    let context = TraceContext::read(later, Some("vendor=1, other=2")).unwrap();
    assert_eq!((context.traceparent(), context.tracestate()), (later, Some("vendor=1, other=2")));
}

#[test]
fn child_keeps_the_trace_and_its_fate_and_names_itself() {
    let context = TraceContext::read(STANDARD, Some("vendor=1")).unwrap().child(0x2a);
    assert_eq!(context.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-000000000000002a-01");
    assert_eq!((context.tracestate(), context.span_id()), (Some("vendor=1"), 42));
    let unknown_flags = TraceContext::read(&STANDARD.replace("-01", "-fe"), None).unwrap();
    assert!(!unknown_flags.is_sampled());
    assert!(unknown_flags.child(1).traceparent().ends_with("-00"));
}

#[test]
fn root_says_whether_its_trace_is_kept() {
    assert_eq!(
        TraceContext::root(1, 2, true).traceparent(),
        "00-00000000000000000000000000000001-0000000000000002-01"
    );
    assert!(!TraceContext::root(1, 2, false).is_sampled());
}

#[test]
fn state_that_no_record_should_carry_is_left_out() {
    let (fits, too_long) = ("a".repeat(512), "a".repeat(513));
    assert_eq!(TraceContext::read(STANDARD, Some(&fits)).unwrap().tracestate(), Some(fits.as_str()));
    for state in ["", &too_long, "a=\u{e9}", "a=\n"] {
        assert_eq!(TraceContext::read(STANDARD, Some(state)).unwrap().tracestate(), None, "{state:?}");
    }
}

#[test]
fn headers_of_a_record_are_read_back() {
    let context = TraceContext::read(STANDARD, Some("vendor=1")).unwrap();
    let headers = Headers::builder(0)
        .add("ce_id", "1")
        .add(TRACEPARENT, context.traceparent())
        .add(TRACESTATE, context.tracestate().unwrap());
    assert_eq!(TraceContext::of(&headers.build()), Some(context));
    assert_eq!(TraceContext::of(&Headers::default()), None);
}

#[test]
fn traceparent_of_a_later_version_has_a_length() {
    let with = |more: usize| format!("01-{}-{}-01-{}", "a".repeat(32), "b".repeat(16), "x".repeat(more));
    assert!(TraceContext::read(&with(10), None).is_some());
    assert!(TraceContext::read(&with(MAX_TRACEPARENT), None).is_none());
}
