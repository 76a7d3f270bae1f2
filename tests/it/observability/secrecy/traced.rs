use super::events::{borrowed, documented, families, headers, live, unknown, url};
use super::markers::marker;
use super::trace_level_logs::{FORMATS, VerboseBridge};
use crate::kit::bridge::{PATH, UNSIGNED, until};
use crate::kit::collector::Collector;
use crate::kit::kafka::Kafka;

#[test]
fn traces_have_no_personal_data_and_the_token_of_the_collector_is_never_shown() {
    for format in FORMATS {
        let collector = Collector::listen();
        let token = format!("telemetry.otlp_headers.authorization=Bearer {}", marker("collector"));
        let endpoint = collector.setting();
        let settings = [UNSIGNED, &endpoint, &token, "telemetry.log_sample=1"];
        let bridge = VerboseBridge::start(format, Kafka::shared().bootstrap(), &settings, &[]);
        bridge.wait_ready(true);
        let mut odd = headers();
        odd.retain(|(name, _)| *name != "traceparent");
        odd.push(("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()));
        let query = format!("{PATH}?{}={}", marker("query"), marker("queryvalue"));
        let first = documented();
        assert_eq!(bridge.post_with(&query, &borrowed(&odd), &first), "200 acked");
        assert_eq!(bridge.post_with(&query, &borrowed(&odd), &first), "200 duplicate");
        assert_eq!(bridge.post(&live(&url())), "200 acked");
        assert_eq!(bridge.post(&unknown()), "200 acked");
        assert_eq!(bridge.post(format!("{} is no JSON", marker("name")).as_bytes()), "400 not_json");
        for (kind, body) in families() {
            assert_eq!(bridge.post(&body), "200 acked", "{kind}");
        }
        // Three spans each, but two for the duplicate.
        let exported = "justcall_bridge_spans_exported_total 23";
        until("all spans", || {
            bridge.get(bridge.admin, "/metrics").text().lines().any(|line| line == exported)
        });
        bridge.wait_for_line("event accepted");
        let taken = collector.taken();
        assert!(taken.iter().all(|each| each.head.iter().any(|line| line.contains("Bearer"))));
        for each in taken {
            bridge.add_output("the collector", &each.body);
        }
        bridge.finish();
    }
}
