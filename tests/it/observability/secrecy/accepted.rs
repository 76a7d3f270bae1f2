use super::events::{borrowed, documented, families, gzip, headers, live, unknown, url};
use super::markers::{contains_marker, marker};
use super::trace_level_logs::{FORMATS, VerboseBridge};
use crate::kit::bridge::{PATH, UNSIGNED};
use crate::kit::kafka::Kafka;

#[test]
fn accepted_events_are_shown_in_kafka_only() {
    for format in FORMATS {
        let bridge = VerboseBridge::start(format, Kafka::shared().bootstrap(), &[UNSIGNED], &[]);
        bridge.wait_ready(true);
        let odd = headers();
        let query = format!("{PATH}?{}={}#{}", marker("query"), marker("queryvalue"), marker("fragment"));
        let (first, second, third, strange) = (documented(), live(&url()), documented(), unknown());
        assert_eq!(bridge.post_with(&query, &borrowed(&odd), &first), "200 acked");
        assert_eq!(bridge.post(&first), "200 duplicate");
        assert_eq!(bridge.post_with(&query, &borrowed(&odd[1..3]), &second), "200 acked");
        let packed = [("content-encoding", "gzip"), ("expect", "100-continued")];
        assert_eq!(bridge.post_with(PATH, &packed[..1], &gzip(&third)), "200 acked");
        assert_eq!(bridge.post(&strange), "200 acked");
        for (kind, body) in families() {
            assert_eq!(bridge.post(&body), "200 acked", "{kind}");
            assert_eq!(bridge.records(kind, 1)[0].value, body);
        }
        let probe = format!(r#"{{"event":"{}","note":"{}"}}"#, marker("type"), marker("note"));
        assert_eq!(bridge.post(probe.as_bytes()), "200 probe");
        let get = format!("GET {query} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", marker("host"));
        assert_eq!(bridge.raw(get.as_bytes()), "200 probe");

        let chunked = documented();
        let request = format!(
            "POST {PATH} HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x};{}={}\r\n{}\r\n0\r\n{}: {}\r\n\r\n",
            chunked.len(),
            marker("chunkname"),
            marker("chunkvalue"),
            String::from_utf8_lossy(&chunked),
            marker("trailer"),
            marker("trailervalue"),
        );
        let response = bridge.raw(request.as_bytes());
        assert!(response == "200 acked" || response.starts_with("503 incomplete"), "{response}");

        let mut records: Vec<_> =
            bridge.records("call.completed", 3).into_iter().map(|read| read.value).collect();
        records.retain(|value| *value != chunked);
        assert_eq!(records, [first, second, third], "the topic lacks a sent event");
        assert!(records.iter().all(|value| contains_marker(value)));
        assert_eq!(bridge.records("unknown", 1)[0].value, strange);
        assert_eq!(bridge.get(bridge.admin, &format!("/{}", marker("adminpath"))).status, 404);
        bridge.finish();
    }
}
