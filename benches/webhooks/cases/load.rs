use super::{BODY, CONNECTIONS, TOPICS};
use crate::bench::{Bench, PARTITIONS, Side};
use crate::gauge::events::{Events, Template, documented, live as live_events};
use crate::gauge::load::{Answers, closed_loop, open_loop};
use crate::gauge::ratio::middle;
use crate::kit::bridge::PATH;
use justcall_events::signature::{SIGNATURE, TIMESTAMP, VERSION, sign};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn direct(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let floor = bench.floor(TOPICS);
    let bridge = bench.bridge(events.topics(), &[]);
    for connections in [1, 16, 64, 256] {
        let base = Side::closed("floor", floor.target(), &events, connections);
        let ours = Side::closed("bridge", bridge.target(), &events, connections);
        let name =
            if connections == 1 { "1 connection".into() } else { format!("{connections} connections") };
        bench.compare("direct", &name, base, ours);
    }
}

pub(super) fn headers(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let (bare, headed) = (bench.floor(TOPICS), bench.floor_with(TOPICS, &["--headers"]));
    let bridge = bench.bridge(events.topics(), &[]);
    for connections in [64, 256] {
        let side = |name, target| Side::closed(name, target, &events, connections);
        let floor = || side("floor", bare.target());
        let with_headers = || side("floor with headers", headed.target());
        let name = format!("floor with headers, {connections} connections");
        bench.compare("headers", &name, floor(), with_headers());
        let name = format!("bridge, {connections} connections");
        bench.compare("headers", &name, with_headers(), side("bridge", bridge.target()));
    }
}

pub(super) fn half_load(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let floor = bench.floor(TOPICS);
    let bridge = bench.bridge(events.topics(), &[]);
    let full = (0..3).map(|_| closed_loop(floor.target(), &events, CONNECTIONS, 3, Answers::Ok).rate);
    let half = middle(&full.collect::<Vec<_>>()) / 2.0;
    bench.note("half-load", "events/s offered", vec![half]);
    let side = |name, target| {
        let events = &events;
        Side::new(name, move |seconds| open_loop(target, events, half, CONNECTIONS, seconds))
    };
    let (base, ours) = (side("floor", floor.target()), side("bridge", bridge.target()));
    bench.compare("half-load", "half of the floor's rate", base, ours);
}

pub(super) fn sizes(bench: &Bench) {
    // Few of the largest, because the bytes in flight are limited.
    for (name, bytes, connections) in [
        ("300 B", 300, CONNECTIONS),
        ("4 KiB", 4 << 10, CONNECTIONS),
        ("64 KiB", 64 << 10, CONNECTIONS),
        ("900 KiB, 8 connections", 900 << 10, 8),
    ] {
        against_floor(bench, ("sizes", name), documented(bytes), connections, TOPICS, &[]);
    }
}

pub(super) fn live(bench: &Bench) {
    against_floor(bench, ("live", "nine types, unsigned"), live_events(), CONNECTIONS, TOPICS, &[]);
}

pub(super) fn signatures(bench: &Bench) {
    const SECRET: &str = "a-secret-of-the-benchmark";
    let signed = Events::new(live_events().into_iter().map(|event| signed(event, SECRET)).collect(), PATH);
    let open = bench.bridge(signed.topics(), &[]);
    let secrets = format!("sources.main.signature.secrets=[\"{SECRET}\"]");
    // Longer than any run of this benchmark.
    let settings = [&*secrets, "sources.main.signature.tolerance=24h"];
    let checking = bench.bridge(signed.topics(), &settings);
    // The same requests, so that the difference is the verification.
    let base = Side::closed("bridge without secrets", open.target(), &signed, CONNECTIONS);
    let ours = Side::closed("bridge", checking.target(), &signed, CONNECTIONS);
    bench.compare("signatures", "signed", base, ours);
}

/// The signature covers only the type and the URL.
fn signed(event: Template, secret: &str) -> Template {
    let body: serde_json::Value = serde_json::from_str(&event.body(1)).expect("a body of JSON");
    let url = body["webhook_url"].as_str().expect("a URL");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs().to_string();
    let signature = sign(secret, url, event.event_type, &now);
    let headers = format!("{SIGNATURE}: {signature}\r\n{VERSION}: v1\r\n{TIMESTAMP}: {now}\r\n");
    Template { headers, ..event }
}

pub(super) fn routes(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let plain = bench.bridge(events.topics(), &[]);
    let types: Vec<_> = events.topics().collect();
    for (name, types, routes) in [
        ("1 route", &*types, 1),
        ("5 routes", &types, 5),
        ("500 routes", &types, 500),
        // All match a ninth of the events.
        ("500 routes for one type", &types[..1], 500),
    ] {
        let mapping = bench.bridge(events.topics(), &[&by_agent(types, routes)]);
        let base = Side::closed("bridge, no route", plain.target(), &events, CONNECTIONS);
        let ours = Side::closed("bridge", mapping.target(), &events, CONNECTIONS);
        bench.compare("routes", name, base, ours);
    }
}

/// Only the last route matches everything.
fn by_agent(types: &[&str], routes: usize) -> String {
    let by_agent = (1..routes).map(|at| {
        let event = types[at % types.len()];
        format!(r#"{{"match":"{event}","when":{{"/data/agent_id":{}}},"topics":"bench.{event}"}}"#, 1000 + at)
    });
    let all: Vec<_> = by_agent.chain([r#"{"match":"*","topics":"bench.{event}"}"#.into()]).collect();
    format!("routes=[{}]", all.join(","))
}

pub(super) fn topics(bench: &Bench) {
    let into = |topic: &str| format!(r#"routes=[{{"match":"*","topics":"bench.{topic}"}}]"#);
    let events = Events::new(documented(BODY), PATH);
    for (name, topic, partitions) in
        [("one topic of one partition", "single", 1), ("one topic of six partitions", "one", PARTITIONS)]
    {
        bench.make_topics([format!("floor.{topic}"), format!("bench.{topic}")], partitions);
        let floor = bench.floor_on(&[format!("floor.{topic}")], &[]);
        let bridge = bench.bridge([topic], &[&into(topic)]);
        let base = Side::closed("floor", floor.target(), &events, CONNECTIONS);
        let ours = Side::closed("bridge", bridge.target(), &events, CONNECTIONS);
        bench.compare("topics", name, base, ours);
    }
    let name = ("topics", "nine topics of six partitions");
    against_floor(bench, name, documented(BODY), CONNECTIONS, TOPICS, &[]);
}

pub(super) fn fan_out(bench: &Bench) {
    const WAYS: [&str; 5] = ["way-1", "way-2", "way-3", "way-4", "way-5"];
    let events = Events::new(documented(BODY), PATH);
    for ways in [1, 5] {
        let topics: Vec<_> = WAYS[..ways].iter().map(|way| format!("\"bench.{way}\"")).collect();
        let route = format!(r#"routes=[{{"match":"*","topics":[{}]}}]"#, topics.join(","));
        let floors: Vec<_> = (0..ways).map(|topic| format!("floor.{topic}")).collect();
        let floor = bench.floor_on(&floors, &["--fan-out", &ways.to_string()]);
        let bridge = bench.bridge(&WAYS[..ways], &[&route]);
        let base = Side::closed("floor", floor.target(), &events, CONNECTIONS);
        let ours = Side::closed("bridge", bridge.target(), &events, CONNECTIONS);
        bench.compare(
            "fan-out",
            &format!("{ways} record{} for each event", if ways == 1 { "" } else { "s" }),
            base,
            ours,
        );
    }
}

pub(super) fn duplicates(bench: &Bench) {
    let new = Events::new(documented(BODY), PATH);
    let known = Events::new(documented(BODY), PATH).repeating(900);
    let bridge = bench.bridge(new.topics(), &[]);
    let base = Side::closed("bridge, new events", bridge.target(), &new, CONNECTIONS);
    let ours = Side::closed("bridge", bridge.target(), &known, CONNECTIONS);
    bench.compare("duplicates", "nothing but duplicates", base, ours);
}

pub(super) fn rejected(bench: &Bench) {
    const BROKEN: &str = r#"{"event":"call.missed","timestamp":"2026-04-07T09:21:03Z","data":{"direction":"inbound","from":"+14155550147","to":"+14155550100","agent_id":null,"ring_duration":24,"status":"missed","#;
    let broken = Template::new("call.missed", &format!("{BROKEN}\"note\":\"\0\"}}}}")).padded(BODY);
    let events = Events::new(vec![broken], PATH);
    let floor = bench.floor(1);
    let bridge = bench.bridge(["dead-letter"], &["dead_letter.topic=bench.dead-letter"]);
    let base = Side::closed("floor, one topic", floor.target(), &events, CONNECTIONS);
    let target = bridge.target();
    let ours =
        Side::new("bridge", |seconds| closed_loop(target, &events, CONNECTIONS, seconds, Answers::Rejected));
    bench.compare("rejected", "nothing but dead letters", base, ours);
}

pub(super) fn linger(bench: &Bench) {
    const LINGERS: [&str; 5] = ["0", "0.1", "0.5", "1", "2"];
    let events = Events::new(documented(BODY), PATH);
    println!("| connections | {} ms |\n|---{}|", LINGERS.join(" ms | "), "|---".repeat(LINGERS.len()));
    let bridges = LINGERS
        .map(|linger| bench.bridge(events.topics(), &[&format!("kafka.properties.linger.ms={linger}")]));
    for connections in [1, 16, 64, 256] {
        let mut samples = LINGERS.map(|_| Vec::new());
        for round in 0..=bench.rounds {
            for ((linger, bridge), samples) in LINGERS.iter().zip(&bridges).zip(&mut samples) {
                let sample = closed_loop(bridge.target(), &events, connections, bench.seconds, Answers::Ok);
                eprintln!(
                    "linger {linger} ms, {connections} connections: {:.0}/s, p50 {:.2} ms",
                    sample.rate, sample.p50
                );
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
        let cells = samples.iter().map(|samples| {
            let of = |figure: fn(&_) -> f64| middle(&samples.iter().map(figure).collect::<Vec<_>>());
            format!(
                "{:.0}, {:.1} ms, {:.0} µs",
                of(|it: &crate::gauge::load::Sample| it.rate),
                of(|it| it.p50),
                of(|it| it.cpu)
            )
        });
        println!("| {connections} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn against_floor(
    bench: &Bench,
    (case, name): (&'static str, &str),
    templates: Vec<Template>,
    connections: usize,
    topics: usize,
    settings: &[&str],
) {
    let events = Events::new(templates, PATH);
    let floor = bench.floor(topics);
    let bridge = bench.bridge(events.topics(), settings);
    let base = Side::closed("floor", floor.target(), &events, connections);
    let ours = Side::closed("bridge", bridge.target(), &events, connections);
    bench.compare(case, name, base, ours);
}
