use super::*;

#[test]
fn levels_and_targets_are_accepted() {
    for text in ["info", "info,justcall_kafka_bridge=debug", "off", "warn,rdkafka=trace"] {
        assert_eq!(check_filter(text), Ok(()), "{text}");
    }
}

#[test]
fn unknown_level_is_refused() {
    assert!(check_filter("info,justcall_kafka_bridge=loud").is_err());
}

#[test]
fn operator_can_enable_actix() {
    assert!(filter("info").unwrap().to_string().contains("actix_http=off"));
    let on = filter("info,actix_http=debug").unwrap().to_string();
    assert!(on.contains("actix_http=debug") && !on.contains("actix_http=off"), "{on}");
}

#[test]
fn decoder_lines_cannot_be_enabled() {
    for text in ["trace", "trace,actix_http=trace", "actix_http::h1::decoder=trace", "actix_http::h1=debug"] {
        let filter = filter(text).unwrap().to_string();
        assert!(filter.contains("actix_http::h1::decoder=off"), "{filter}");
        assert_eq!(filter.matches("decoder").count(), 1, "{filter}");
    }
}

#[test]
fn auto_is_text_only_on_a_terminal() {
    assert!(is_text(LogFormat::Auto, true));
    assert!(!is_text(LogFormat::Auto, false));
    assert!(is_text(LogFormat::Text, false));
    assert!(!is_text(LogFormat::Json, true));
}
