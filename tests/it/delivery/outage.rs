use crate::kit::bridge::{Bridge, UNSIGNED, until};
use crate::kit::clock::Clock;
use crate::kit::consume;
use crate::kit::kafka::{Kafka, Options};
use crate::kit::murmur2::java_partitions;
use crate::kit::process::Process;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn call(id: &str, ring: usize) -> Vec<u8> {
    format!(
        r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}","ring_duration":{ring}}}}}"#
    )
    .into_bytes()
}

/// Retries a refusal, which a disk that delays the spool by over a second causes. A duplicate then was spooled.
fn outcome(bridge: &Bridge, body: &[u8]) -> (u16, String) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut result = answer(bridge, body);
    while matches!(&*result.1, "spool_failing" | "duplicate_in_flight") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
        result = answer(bridge, body);
        if result.1 == "duplicate" {
            return spooled();
        }
    }
    result
}

fn answer(bridge: &Bridge, body: &[u8]) -> (u16, String) {
    let response = bridge.post(body);
    let json = response.json();
    let result = json["outcome"].as_str().or_else(|| json["type"].as_str()?.rsplit(':').next());
    (response.status, result.expect("an outcome or a problem").to_owned())
}

fn spooled() -> (u16, String) {
    (200, "spooled".into())
}

fn cut_off(prefix: &str, directory: &Path, settings: &[&str]) -> Bridge {
    let nowhere =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    start(&nowhere.to_string(), prefix, directory, settings)
}

fn start(bootstrap: &str, prefix: &str, directory: &Path, settings: &[&str]) -> Bridge {
    let own = [
        format!("topics.prefix={prefix}"),
        format!("spool.directory={}", directory.display()),
        "kafka.ack_deadline=300ms".into(),
    ];
    let settings: Vec<&str> = own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
    let bridge = Bridge::start(bootstrap, &settings);
    bridge.wait_ready(true);
    bridge
}

fn place() -> (String, TempDir) {
    (format!("{}.", crate::kit::topic_name("outage")), tempfile::tempdir().expect("a directory"))
}

fn spool(args: &[&str], directory: &Path) -> (Option<i32>, Vec<String>) {
    let directory = directory.to_str().expect("a path in UTF-8");
    let args = [&["spool"], args, &["--directory", directory]].concat();
    let mut command = Process::bridge(&args, &[]);
    let status = command.wait_exit(Duration::from_secs(60));
    (status.code(), command.stdout())
}

struct OneOfThree {
    kafka: Kafka,
    prefix: String,
    directory: TempDir,
    topic: String,
    broker: usize,
    stuck: Vec<String>,
    healthy: Vec<String>,
}

impl OneOfThree {
    const SETTINGS: [&str; 3] =
        ["kafka.ack_deadline=1s", "topics.partitions=3", "topics.replication_factor=1"];

    fn start() -> Self {
        let mut case = Self::with_partitions(3);
        let names: Vec<_> = (0..60).map(|n| format!("call_{n}")).collect();
        let keys: Vec<_> = names.iter().map(|name| name.as_bytes()).collect();
        let partitions = java_partitions(&keys, 3);
        let of = |partition: i32| {
            let of_it = names.iter().zip(&partitions).filter(move |(_, each)| **each == partition);
            of_it.map(|(name, _)| name.clone()).take(10).collect::<Vec<_>>()
        };
        (case.stuck, case.healthy) = (of(0), of(1));
        case
    }

    fn with_partitions(count: usize) -> Self {
        let kafka = Kafka::start(Options { brokers: 3, ..Options::default() });
        let (prefix, directory) = place();
        let topic = format!("{prefix}call.missed");
        let number = i32::try_from(count).expect("few");
        consume::create_topic_with(kafka.bootstrap(), &topic, number, 1, &[("max.message.bytes", "20000")]);
        let leaders = consume::leaders(kafka.bootstrap(), &topic);
        let broker = usize::try_from(leaders[0] - 1).expect("a broker");
        let names: Vec<_> = (0..count * 20).map(|n| format!("call_{n}")).collect();
        let keys: Vec<_> = names.iter().map(|name| name.as_bytes()).collect();
        let partitions = java_partitions(&keys, number);
        let (mut stuck, mut healthy) = (Vec::new(), Vec::new());
        for (partition, leader) in (0..).zip(&leaders) {
            let name = names.iter().zip(&partitions).find(|(_, each)| **each == partition);
            let is_stuck = *leader == leaders[0];
            if is_stuck { &mut stuck } else { &mut healthy }.push(name.expect("a call").0.clone());
        }
        Self { kafka, prefix, directory, topic, broker, stuck, healthy }
    }

    fn freeze(&self) {
        self.kafka.broker(self.broker).freeze();
    }

    fn call(id: &str, n: usize, size: usize) -> Vec<u8> {
        format!(
            r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}","ring_duration":{n},"note":"{}"}}}}"#,
            "x".repeat(size)
        )
        .into_bytes()
    }

    /// A record in flight at the freeze may be written twice; its first occurrence counts.
    fn assert_ordered(&self, count: usize) {
        let records =
            consume::read_topic(self.kafka.bootstrap(), &self.topic, count, Duration::from_secs(60));
        let mut seen = HashSet::new();
        let first: Vec<_> = records.iter().filter(|record| seen.insert(&record.value)).collect();
        assert_eq!(first.len(), count);
        for key in self.healthy.iter().chain(&self.stuck) {
            let of_key = first.iter().filter(|record| record.key.as_deref() == Some(key.as_bytes()));
            let number =
                |value: &[u8]| serde_json::from_slice::<Value>(value).ok()?["data"]["ring_duration"].as_u64();
            let numbers: Vec<u64> = of_key.filter_map(|record| number(&record.value)).collect();
            assert!(numbers.is_sorted(), "{key}: {numbers:?}");
        }
    }
}

/// The stuck partition has more records than a drain's window.
#[test]
fn stuck_partition_and_refused_records_delay_no_other_key() {
    const STUCK: usize = 600;
    let case = OneOfThree::start();
    let bridge = start(case.kafka.bootstrap(), &case.prefix, case.directory.path(), &OneOfThree::SETTINGS);
    let post = |id: &str, n: usize, size: usize| outcome(&bridge, &OneOfThree::call(id, n, size));
    assert_eq!(post("warm-up", 0, 10), (200, "acked".into()));
    case.kafka.freeze();
    // Many share a batch with the record that is too large.
    for n in 0..STUCK {
        assert_eq!(post(&case.stuck[n % 10], n, 10), spooled());
    }
    for n in 0..5 {
        for key in &case.healthy {
            assert_eq!(post(key, n, 10), spooled());
        }
        if n == 2 {
            assert_eq!(post(&case.healthy[0], 9, 60_000), spooled());
        }
    }
    bridge.wait_for_metric("spool_rows", STUCK as u64 + 51);
    (0..3).filter(|broker| *broker != case.broker).for_each(|broker| case.kafka.broker(broker).thaw());
    let stuck = STUCK as u64;
    // The dead letter may be in a partition of the frozen broker.
    until("the healthy partition", || bridge.metric("spool_rows") <= stuck + 1);
    for n in 10..30 {
        assert_eq!(post(&case.stuck[n % 10], STUCK + n, 10), spooled());
        assert_eq!(post(&case.healthy[n % 10], 100 + n, 60_000), spooled());
        assert_eq!(post(&case.healthy[(n + 1) % 10], n, 10), spooled());
    }
    until("the healthy partition again", || bridge.metric("spool_rows") <= stuck + 20 + 21);
    case.kafka.broker(case.broker).thaw();
    bridge.wait_for_metric("spool_rows", 0);
    case.assert_ordered(STUCK + 50 + 40 + 1);
}

/// No drain holds the whole backlog in memory.
#[test]
fn many_stuck_partitions_delay_no_other_key() {
    const ROUNDS: usize = 20;
    let case = OneOfThree::with_partitions(48);
    let bridge = start(case.kafka.bootstrap(), &case.prefix, case.directory.path(), &OneOfThree::SETTINGS);
    let post = |id: &str, n: usize| outcome(&bridge, &OneOfThree::call(id, n, 4000));
    assert_eq!(post("warm-up", 0), (200, "acked".into()));
    case.kafka.freeze();
    for n in 0..ROUNDS {
        for key in case.stuck.iter().chain(&case.healthy) {
            assert_eq!(post(key, n), spooled());
        }
    }
    (0..3).filter(|broker| *broker != case.broker).for_each(|broker| case.kafka.broker(broker).thaw());
    let stuck = case.stuck.len() * ROUNDS;
    let is_drained = || bridge.metric("spool_rows") <= stuck as u64;
    until("the healthy partitions", is_drained);
    for n in 0..3 {
        for key in &case.healthy {
            assert_eq!(post(key, ROUNDS + n), spooled());
        }
        until("the healthy partitions again", is_drained);
    }
    case.kafka.broker(case.broker).thaw();
    bridge.wait_for_metric("spool_rows", 0);
    case.assert_ordered((case.stuck.len() + case.healthy.len()) * ROUNDS + 3 * case.healthy.len() + 1);
}

/// The drain has the new number of partitions before librdkafka.
#[test]
fn topic_that_grows_costs_no_innocent_record() {
    let bootstrap = Kafka::shared().bootstrap();
    let (prefix, directory) = place();
    let topic = format!("{prefix}call.missed");
    consume::create_topic_with(bootstrap, &topic, 2, 1, &[("max.message.bytes", "20000")]);
    let bridge = start(bootstrap, &prefix, directory.path(), &["kafka.ack_deadline=1s"]);
    let is_large = |n: usize| n % 4 == 3;
    let post = |n: usize| {
        let size = if is_large(n) { 60_000 } else { 10 };
        outcome(&bridge, &OneOfThree::call(&format!("call_{n}"), n, size))
    };
    assert_eq!(post(0), (200, "acked".into()));
    let next = AtomicUsize::new(1);
    let post_while = |is_wanted: &(dyn Fn(usize) -> bool + Sync)| {
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while is_wanted(next.load(Ordering::Relaxed)) {
                        assert_eq!(post(next.fetch_add(1, Ordering::Relaxed)).0, 200);
                    }
                });
            }
        });
    };
    consume::grow_topic(bootstrap, &topic, 16);
    post_while(&|next| next < 2000);
    let events = next.into_inner();
    bridge.wait_for_metric("spool_rows", 0);
    let large = (0..events).filter(|n| is_large(*n)).count();
    let written = |topic: &str, count| {
        let records = consume::read_topic(bootstrap, topic, count, Duration::from_secs(60));
        records.into_iter().map(|record| record.value).collect::<HashSet<_>>().len()
    };
    assert_eq!(written(&format!("{prefix}dead-letter"), large), large);
    assert_eq!(written(&topic, events - large), events - large);
}

#[test]
fn refused_record_beside_a_stuck_partition_is_a_dead_letter_without_a_spool() {
    let case = OneOfThree::start();
    let letters = format!("{}dead-letter", case.prefix);
    consume::create_topic_on(case.kafka.bootstrap(), &letters, (case.broker + 1) % 3);
    let own = format!("topics.prefix={}", case.prefix);
    let settings = [&[own.as_str()], &OneOfThree::SETTINGS[..]].concat();
    let bridge = Bridge::start(case.kafka.bootstrap(), &settings);
    bridge.wait_ready(true);
    let post = |id: &str, n: usize, size: usize| answer(&bridge, &OneOfThree::call(id, n, size));
    assert_eq!(post("warm-up", 0, 10), (200, "acked".into()));
    case.freeze();
    for n in 0..3 {
        assert_eq!(post(&case.stuck[n], n, 10).0, 503);
    }
    let mut tries = 0..;
    let mut large = || post(&case.healthy[0], tries.next().expect("a number"), 60_000);
    until("the dead letter", || large() == (422, "refused_by_kafka".into()));
    until("an innocent record", || post(&case.healthy[1], 1, 10) == (200, "acked".into()));
    case.kafka.broker(case.broker).thaw();
}

#[test]
fn outage_and_restart_cost_no_event_and_no_order() {
    let kafka = Kafka::shared();
    let (prefix, directory) = place();
    let bridge = cut_off(&prefix, directory.path(), &[]);
    let bodies: Vec<_> = (0..40).map(|n| call(&format!("call_{}", n % 4), n)).collect();
    for body in &bodies[..20] {
        assert_eq!(outcome(&bridge, body), spooled());
    }
    assert_eq!(outcome(&bridge, &bodies[3]), (200, "duplicate".into()), "remembered while it is spooled");
    bridge.wait_for_metric("spool_rows", 20);
    bridge.process.wait_for_line("Kafka is down", Duration::from_secs(60));
    let log = [bridge.process.stdout(), bridge.process.stderr()].concat();
    let logged = |text| log.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (logged("Kafka is down"), logged("AllBrokersDown")),
        (1, 0),
        "the outage is logged more than once"
    );
    assert_eq!(bridge.stop().code(), Some(0), "the stop left rows in the spool");

    let bridge = cut_off(&prefix, directory.path(), &[]);
    assert_eq!(outcome(&bridge, &bodies[3]), (200, "duplicate".into()), "remembered by the spool alone");
    for body in &bodies[20..] {
        assert_eq!(outcome(&bridge, body), spooled());
    }
    assert!(bridge.stop().success());

    let bridge = start(kafka.bootstrap(), &prefix, directory.path(), &[]);
    bridge.wait_for_metric("spool_rows", 0);
    let (topic, patience) = (bridge.topic("call.missed"), Duration::from_secs(60));
    let records = consume::read_topic(kafka.bootstrap(), &topic, bodies.len(), patience);
    for key in 0..4 {
        let key = format!("call_{key}");
        let of_key = |record: &&consume::Read| record.key.as_deref() == Some(key.as_bytes());
        let stood: Vec<_> = records.iter().filter(of_key).map(|record| record.value.clone()).collect();
        let sent: Vec<_> =
            bodies.iter().filter(|body| String::from_utf8_lossy(body).contains(&key)).cloned().collect();
        assert_eq!(stood, sent, "{key}");
    }
    until("straight to Kafka again", || outcome(&bridge, &call("fresh", 0)).1 != "spooled");
}

#[test]
fn backlog_whose_timestamps_the_topic_refuses_is_drained_and_delays_no_fresh_event() {
    let kafka = Kafka::shared();
    let (prefix, directory) = place();
    let bridge = cut_off(&prefix, directory.path(), &[]);
    let bodies: Vec<_> = (0..40).map(|n| call(&format!("call_{}", n % 4), n)).collect();
    for body in &bodies {
        assert_eq!(outcome(&bridge, body), spooled());
    }
    assert!(bridge.stop().success());
    let topic = format!("{prefix}call.missed");
    let bounds = [("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "3600000")];
    consume::create_topic_with(kafka.bootstrap(), &topic, 2, 1, &bounds);
    std::thread::sleep(Duration::from_millis(1500));

    let bridge = start(kafka.bootstrap(), &prefix, directory.path(), &[]);
    let fresh = outcome(&bridge, &call("fresh", 0));
    assert_eq!(fresh.0, 200, "{fresh:?}");
    bridge.wait_for_metric("spool_rows", 0);
    let records = consume::read_topic(kafka.bootstrap(), &topic, 41, Duration::from_secs(60));
    for key in 0..4 {
        let key = format!("call_{key}");
        let of_key = |record: &&consume::Read| record.key.as_deref() == Some(key.as_bytes());
        let read: Vec<_> = records.iter().filter(of_key).map(|record| record.value.clone()).collect();
        let sent: Vec<_> =
            bodies.iter().filter(|body| String::from_utf8_lossy(body).contains(&key)).cloned().collect();
        assert_eq!(read, sent, "{key}");
    }
    let is_unchanged = |record: &consume::Read| record.header("ce_time") == Some("2026-03-12T14:32:00Z");
    assert!(records.iter().all(is_unchanged), "ce_time keeps the event's time");
    let log = [bridge.process.stdout(), bridge.process.stderr()].concat();
    let logged = log.iter().filter(|line| line.contains("InvalidTimestamp")).count();
    assert_eq!(logged, 1, "the reason is logged once");
}

/// Even the present time is too far ahead for the topic.
#[test]
fn events_of_a_clock_that_is_ahead_are_kept_and_written_after_its_correction() {
    let kafka = Kafka::shared();
    let (prefix, directory) = place();
    let topic = format!("{prefix}call.missed");
    let bound = [("message.timestamp.after.max.ms", "3600000")];
    consume::create_topic_with(kafka.bootstrap(), &topic, 1, 1, &bound);
    let clock = Clock::build().expect("a clock");
    clock.jump(2 * 3600);
    let settings =
        [format!("topics.prefix={prefix}"), format!("spool.directory={}", directory.path().display())];
    let environment = clock.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let bridge = Bridge::start_with(kafka.bootstrap(), &settings, &environment);
    bridge.wait_ready(true);
    for n in 0..5 {
        assert_eq!(outcome(&bridge, &call(&format!("call_{n}"), n)), spooled());
    }
    clock.jump(0);
    assert_eq!(outcome(&bridge, &call("fresh", 0)).0, 200);
    consume::read_topic(kafka.bootstrap(), &topic, 6, Duration::from_secs(60));
    bridge.wait_for_metric("spool_rows", 0);
}

#[test]
fn spool_commands_work_with_and_without_a_running_bridge() {
    let (prefix, directory) = place();
    let bridge = cut_off(&prefix, directory.path(), &[]);
    let bodies: Vec<_> = (0..5).map(|n| call("c", n)).collect();
    for body in &bodies {
        assert_eq!(outcome(&bridge, body), spooled());
    }
    let look = || {
        let (code, lines) = spool(&["status", "--json"], directory.path());
        assert_eq!(code, Some(0), "{lines:?}");
        let status: Value = serde_json::from_str(&lines[0]).expect("JSON");
        assert_eq!(status["records"], 5);
        assert_eq!(status["lanes"][0]["topic"], format!("{prefix}call.missed"));
        assert!(status["lanes"][0]["oldest"].is_string(), "{status}");
        let (code, lines) = spool(&["export"], directory.path());
        assert_eq!(code, Some(0));
        let record = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
        let values: Vec<_> =
            lines.iter().map(record).map(|it| it["value"].as_str().map(str::to_owned)).collect();
        let sent: Vec<_> = bodies.iter().map(|body| String::from_utf8(body.clone()).ok()).collect();
        assert_eq!(values, sent);
        let (code, lines) = spool(&["export", "--topic", "another"], directory.path());
        assert_eq!((code, lines), (Some(0), Vec::new()));
    };
    look();
    assert!(bridge.stop().success());
    look();
    let (code, lines) = spool(&["status"], directory.path());
    assert_eq!(code, Some(0));
    assert!(lines.last().is_some_and(|line| line.starts_with("5 records wait")), "{lines:?}");
}

#[test]
fn second_bridge_on_a_spool_and_a_missing_spool_are_reported() {
    let (prefix, directory) = place();
    let _bridge = cut_off(&prefix, directory.path(), &[]);
    let setting = format!("spool.directory={}", directory.path().display());
    let settings = [&setting, "server.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", UNSIGNED];
    let args: Vec<_> =
        ["serve"].into_iter().chain(settings.into_iter().flat_map(|it| ["--set", it])).collect();
    let mut second = Process::bridge(&args, &[]);
    assert_eq!(second.wait_exit(Duration::from_secs(60)).code(), Some(1));
    let stderr = second.stderr().join("\n");
    assert!(
        stderr.contains("spool.directory") && stderr.contains(&*directory.path().to_string_lossy()),
        "{stderr}"
    );
    let (code, _) = spool(&["status"], &directory.path().join("nothing-here"));
    assert_eq!(code, Some(1));
    let mut unset = Process::bridge(&["spool", "status"], &[]);
    assert_eq!(unset.wait_exit(Duration::from_secs(60)).code(), Some(78));
}

#[test]
fn rejected_events_are_spooled_within_their_quota_beside_accepted_ones() {
    let (prefix, directory) = place();
    let bridge = cut_off(&prefix, directory.path(), &["dead_letter.max_spool_rate=2"]);
    // Sequential posts on a slow disk would stay within the rate.
    let bridge = &bridge;
    let mut responses: Vec<(u16, String)> = std::thread::scope(|scope| {
        // A refusal because of a slow disk makes a spooled event's retry a duplicate.
        let kept = |response| if response == spooled() { (400, "not_json".to_owned()) } else { response };
        let send = move |n| kept(outcome(bridge, format!("not json {n}").as_bytes()));
        let sent: Vec<_> = (0..12).map(|n| scope.spawn(move || send(n))).collect();
        sent.into_iter().map(|sent| sent.join().expect("an answer")).collect()
    });
    responses.sort();
    responses.dedup();
    assert_eq!(responses, [(400, "not_json".to_owned()), (503, "dead_letter_quota".to_owned())]);
    assert_eq!(outcome(bridge, &call("good", 1)), spooled());
}

#[test]
fn spooled_events_and_rejections_are_known_after_a_restart() {
    let (prefix, directory) = place();
    let letters = format!("dead_letter.topic={prefix}letters");
    let serve = |rule: &str| {
        let rule = format!("unknown_events={rule}");
        cut_off(&prefix, directory.path(), &[&letters, &rule, "dead_letter.answer=ok"])
    };
    let unknown = String::from_utf8(call("c1", 1)).expect("text").replace("call.missed", "call.imagined");
    let outcome_of = |bridge: &Bridge| outcome(bridge, unknown.as_bytes()).1;
    let bridge = serve("dead_letter");
    assert_eq!(outcome_of(&bridge), "dead_lettered");
    drop(bridge);
    let bridge = serve("dead_letter");
    assert_eq!(bridge.metric("dedup_entries"), 1);
    assert_eq!(outcome_of(&bridge), "duplicate");
    drop(bridge);
    let bridge = serve("forward");
    assert_eq!(outcome_of(&bridge), "spooled", "evaluated by other rules");
    drop(bridge);
    for rule in ["forward", "dead_letter"] {
        assert_eq!(outcome_of(&serve(rule)), "duplicate", "{rule}");
    }
}

#[test]
fn full_spool_refuses_and_reports_it_while_the_process_lives() {
    let (prefix, directory) = place();
    let bridge = cut_off(&prefix, directory.path(), &["spool.max_bytes=1 MiB", "spool.max_lane_share=100"]);
    let body = |n: usize| {
        let note = "x".repeat(50_000);
        format!(
            r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"c{n}","note":"{note}"}}}}"#
        )
    };
    let responses: Vec<_> = (0..60).map(|n| outcome(&bridge, body(n).as_bytes())).collect();
    assert_eq!(responses[0], spooled());
    assert_eq!(responses[59], (503, "spool_full".into()));
    bridge.wait_ready(false);
    assert_eq!(bridge.admin("/livez").status, 200);
    assert!(bridge.metric("spool_bytes") <= bridge.metric("spool_limit_bytes"));
}

/// SQLite maps `spool.db-shm` into memory, so the kernel ends the process.
#[test]
fn truncated_shared_memory_of_the_spool_ends_the_process_and_loses_no_record() {
    let (prefix, directory) = place();
    let mut bridge = cut_off(&prefix, directory.path(), &[]);
    for n in 0..3 {
        assert_eq!(outcome(&bridge, &call(&format!("call_{n}"), 1)), spooled());
    }
    let index = std::fs::File::options().write(true).open(directory.path().join("spool.db-shm"));
    index.and_then(|index| index.set_len(0)).expect("spool.db-shm");
    // An idle spool touches the file within seconds.
    let status = bridge.process.wait_exit(Duration::from_secs(60));
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(7), "SIGBUS");
    let bridge = cut_off(&prefix, directory.path(), &[]);
    bridge.wait_for_metric("spool_rows", 3);
    assert_eq!(bridge.metric("spool_damaged_total"), 0);
    assert_eq!(outcome(&bridge, &call("call_0", 1)), (200, "duplicate".into()));
}
