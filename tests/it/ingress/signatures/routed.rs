use super::SECRET;
use super::request::{Request, now, summary};
use crate::kit::bridge::Bridge;
use crate::kit::consume;
use crate::kit::kafka::Kafka;
use justcall_events::{Dialect, KnownType, samples};
use std::time::Duration;

fn routes_of_the_readme() -> String {
    let (_, section) = include_str!("../../../../README.md").split_once("## Mapping").expect("a section");
    let (_, block) = section.split_once("routes:\n").expect("routes");
    let (block, _) = block.split_once("```").expect("an end of the block");
    let routes = block.lines().map(|line| {
        let route = line.split_once("   #").map_or(line, |(route, _)| route);
        route.trim().strip_prefix("- ").expect("a route on each line")
    });
    format!("[{}]", routes.collect::<Vec<_>>().join(", "))
}

fn sample(dialect: Dialect, known: KnownType) -> &'static str {
    samples(dialect).find(|(each, _)| *each == known).expect("a sample").1
}

/// JustCall signs the live dialect only.
#[test]
fn routes_of_the_readme_match_events_of_both_dialects() {
    let kafka = Kafka::shared().bootstrap();
    let prefix = format!("{}.", crate::kit::topic_name("named"));
    let routes = routes_of_the_readme();
    assert!(routes.contains("direction: inbound"), "{routes}");
    let settings = [
        format!("topics.prefix={prefix}"),
        format!("routes={}", routes.replace("justcall.", &prefix)),
        format!("sources.main.signature.secrets=[\"{SECRET}\"]"),
        "sources.main.signature.required=false".to_owned(),
    ];
    let bridge = Bridge::serve(kafka, &settings.each_ref().map(String::as_str));
    let signed = |body: &str| Request::signed(SECRET, body, &now());
    let acked = (200, "acked".to_owned());
    let dropped = (200, "dropped".to_owned());

    let live = sample(Dialect::Live, KnownType::CallCompleted);
    let documented = sample(Dialect::Documented, KnownType::CallCompleted);
    let outgoing = live.replace("Incoming", "Outgoing");
    assert_eq!(summary(&signed(live).send(&bridge)), acked);
    assert_eq!(summary(&Request::unsigned(documented).send(&bridge)), acked);
    assert_eq!(summary(&signed(&outgoing).send(&bridge)), acked);
    let inbound = consume::read_topic(kafka, &bridge.topic("calls.inbound"), 2, Duration::from_secs(60));
    let mut found: Vec<_> =
        inbound.iter().map(|record| (record.header("ce_dialect"), record.header("agent"))).collect();
    found.sort_unstable();
    assert_eq!(found, [(Some("documented"), Some("17")), (Some("live"), Some("17"))]);
    let others = consume::read_topic(kafka, &bridge.topic("audit"), 3, Duration::from_secs(60));
    assert_eq!(others.len(), 3, "the outgoing call is only in the topic of all events");

    let received = sample(Dialect::Live, KnownType::SmsReceived).replace("14155550162", "15555550162");
    let sent = sample(Dialect::Live, KnownType::SmsSent).replace("14155550162", "15555550162");
    let plain = sample(Dialect::Documented, KnownType::SmsReceived).replace("+14155550162", "+15555550162");
    assert_eq!(summary(&signed(&received).send(&bridge)), dropped);
    assert_eq!(summary(&Request::unsigned(&plain).send(&bridge)), dropped);
    assert_eq!(summary(&signed(&sent).send(&bridge)), acked, "it comes from the account's own number");
    assert!(bridge.stop().success());
}
