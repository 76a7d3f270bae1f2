//! Accepted events.

use super::events::{borrowed, documented, families, gzip, headers, live, unknown, url};
use super::needles::{is_in, needle};
use super::talkative::{FORMATS, Talkative};
use crate::kit::bridge::{PATH, UNSIGNED};
use crate::kit::kafka::Kafka;

#[test]
fn accepted_events_are_shown_in_kafka_only() {
    for format in FORMATS {
        let bridge = Talkative::start(format, Kafka::shared().bootstrap(), &[UNSIGNED], &[]);
        bridge.wait_ready(true);
        let odd = headers();
        let query = format!("{PATH}?{}={}#{}", needle("query"), needle("queryvalue"), needle("fragment"));
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
        let probe = format!(r#"{{"event":"{}","note":"{}"}}"#, needle("type"), needle("note"));
        assert_eq!(bridge.post(probe.as_bytes()), "200 probe");
        let get = format!("GET {query} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", needle("host"));
        assert_eq!(bridge.raw(get.as_bytes()), "200 probe");

        // Chunked, with extensions and trailers.
        let chunked = documented();
        let request = format!(
            "POST {PATH} HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x};{}={}\r\n{}\r\n0\r\n{}: {}\r\n\r\n",
            chunked.len(),
            needle("chunkname"),
            needle("chunkvalue"),
            String::from_utf8_lossy(&chunked),
            needle("trailer"),
            needle("trailervalue"),
        );
        let heard = bridge.raw(request.as_bytes());
        assert!(heard == "200 acked" || heard.starts_with("503 incomplete"), "{heard}");

        let mut stands: Vec<_> =
            bridge.records("call.completed", 3).into_iter().map(|read| read.value).collect();
        stands.retain(|value| *value != chunked);
        assert_eq!(stands, [first, second, third], "what was sent went through");
        assert!(stands.iter().all(|value| is_in(value)));
        assert_eq!(bridge.records("unknown", 1)[0].value, strange);
        assert_eq!(bridge.get(bridge.admin, &format!("/{}", needle("adminpath"))).status, 404);
        bridge.finish();
    }
}
