use crate::kit::bridge::{Bridge, until};
use crate::kit::command::{Place, finish, normal};
use crate::kit::consume::{self, Read, create_topic, create_topic_with};
use crate::kit::golden;
use crate::kit::kafka::Kafka;
use crate::kit::process::Process;
use crate::kit::topic_name;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(120);

struct Backfill {
    folder: TempDir,
    file: PathBuf,
    place: Place,
    prefix: String,
}

impl Backfill {
    fn new(lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("backfill.ndjson");
        fs::write(&file, lines).expect("a file");
        let prefix = format!("{}.", topic_name("backfill"));
        let place = Place::new(Kafka::shared().bootstrap(), &prefix);
        Self { folder, file, place, prefix }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["replay", self.file.to_str().expect("text"), "--json"], more].concat()
    }

    fn topic(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    fn committed(&self, rest: &str) -> Vec<Read> {
        consume::read_committed(Kafka::shared().bootstrap(), &self.topic(rest))
    }
}

fn call(key: usize, number: usize) -> String {
    format!(
        r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"call_{key}","duration":{number}}}}}"#
    )
}

fn number(read: &Read) -> usize {
    let body: serde_json::Value = serde_json::from_slice(&read.value).expect("JSON");
    body["data"]["duration"].as_u64().and_then(|number| number.try_into().ok()).expect("a number")
}

/// Omits repetitions; keeps the order of the log.
fn first_occurrences(records: &[Read]) -> BTreeMap<Vec<u8>, Vec<usize>> {
    let mut keys: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for record in records {
        let numbers = keys.entry(record.key.clone().expect("a key")).or_default();
        if !numbers.contains(&number(record)) {
            numbers.push(number(record));
        }
    }
    keys
}

#[test]
fn output_files_never_overwrite_the_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.ndjson");
    std::fs::write(&file, "{}\n").expect("a file");
    let file = file.to_str().expect("a path of text");
    let other = folder.path().join("other");
    let other = other.to_str().expect("a path of text");
    for outputs in [
        vec!["--rejects", file],
        vec!["--resume-file", file, "--restart"],
        vec!["--rejects", other, "--resume-file", other],
    ] {
        let mut process = Process::bridge(&[&["replay", file], outputs.as_slice()].concat(), &[]);
        assert_eq!(process.wait_exit(Duration::from_secs(60)).code(), Some(2), "{outputs:?}");
        assert_eq!(std::fs::read(file).expect("the events"), b"{}\n");
    }
}

#[test]
fn killed_replay_resumes_without_loss_and_in_order() {
    let lines: String = (0..2000).map(|number| call(number % 40, number) + "\n").collect();
    let backfill = Backfill::new(&lines);
    let bootstrap = Kafka::shared().bootstrap();
    create_topic(bootstrap, &backfill.topic("call.completed"), 3);
    let resume = backfill.path("backfill.ndjson.resume");
    // Slow enough to be killed before the end.
    let args = backfill.args(&["--rate", "400"]);
    for kill in 1..=3 {
        let before = fs::read_to_string(&resume).unwrap_or_default();
        let mut process = backfill.place.start(&args);
        until("a new resume point", || {
            fs::read_to_string(&resume).is_ok_and(|point| !point.is_empty() && point != before)
        });
        std::thread::sleep(Duration::from_millis(150 * kill));
        process.signal("KILL");
        assert_eq!(process.wait_exit(TIMEOUT).code(), None, "the kill came too late");
    }
    let last = backfill.place.run(&backfill.args(&[])).expect_code(0);
    assert!(last.stderr.join("\n").contains("continues at line"), "{last:?}");
    let summary = last.json();
    assert!(summary["first_line"].as_u64() > Some(1) && summary["last_line"] == 2000, "{summary}");

    let records = backfill.committed("call.completed");
    let keys = first_occurrences(&records);
    let expected: BTreeMap<Vec<u8>, Vec<usize>> = (0..40)
        .map(|key| {
            (format!("call_{key}").into_bytes(), (0..2000).filter(|number| number % 40 == key).collect())
        })
        .collect();
    assert!(keys == expected, "lost or out of order");
    // Each kill repeats at most the records committed after the last resume point.
    assert!(records.len() <= 2000 + 3 * 500, "{}", records.len());

    let again = backfill.place.run(&backfill.args(&[])).expect_code(0).json();
    assert_eq!((&again["replayed"], &again["finished"]), (&0.into(), &true.into()));
    assert_eq!(backfill.committed("call.completed").len(), records.len());
}

#[test]
fn rate_is_limited_and_interruption_ends_at_a_resume_point() {
    let lines: String = (0..200).map(|number| call(number, number) + "\n").collect();
    let backfill = Backfill::new(&lines);
    create_topic(Kafka::shared().bootstrap(), &backfill.topic("call.completed"), 3);
    let began = Instant::now();
    let process = backfill.place.start(&backfill.args(&["--rate", "50/s"]));
    let resume = backfill.path("backfill.ndjson.resume");
    until("a resume point", || PathBuf::from(&resume).exists());
    std::thread::sleep(Duration::from_millis(300));
    process.signal("INT");
    let stopped = finish(process).expect_code(1);
    let first = stopped.json();
    assert_eq!(first["finished"], false, "{first}");
    assert!(stopped.stderr.join("\n").contains("run it again to continue"), "{stopped:?}");
    let rest = backfill.place.run(&backfill.args(&["--rate", "50"])).expect_code(0).json();
    assert_eq!(first["replayed"].as_u64().unwrap() + rest["replayed"].as_u64().unwrap(), 200);
    assert!(began.elapsed() >= Duration::from_millis(3900), "200 lines at 50/s in {:?}", began.elapsed());
    assert_eq!(backfill.committed("call.completed").len(), 200, "an orderly stop repeated records");
}

#[test]
fn rejected_lines_are_reported_and_kept_and_the_rest_continues() {
    let lines = [
        call(1, 1),
        "no JSON".into(),
        r#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":7}}"#.into(),
        String::new(),
        call(2, 2),
        r#"{"topic":"x","headers":{},"timestamp":1,"body":{},"masked":true}"#.into(),
        call(3, 3),
    ];
    let backfill = Backfill::new(&lines.join("\n"));
    let rejects = backfill.path("rejected.ndjson");
    let dry = backfill.place.run(&backfill.args(&["--dry-run", "--rejects", &rejects])).expect_code(1).json();
    assert_eq!(dry["replayed"], 3);
    assert!(backfill.committed("call.completed").is_empty() && !PathBuf::from(&rejects).exists());
    assert!(
        !PathBuf::from(backfill.path("backfill.ndjson.resume")).exists(),
        "a dry run wrote a resume point"
    );

    let ran = backfill.place.run(&backfill.args(&["--rejects", &rejects])).expect_code(1);
    let summary = ran.json();
    let expected = serde_json::json!({"contract_violation": 1, "not_an_envelope": 1, "not_json": 1});
    assert_eq!(
        (&summary["replayed"], &summary["nothing"], &summary["rejected"]),
        (&3.into(), &1.into(), &expected)
    );
    for line in ["line 2: not_json", "line 3: contract_violation", "line 6: not_an_envelope"] {
        assert!(ran.stderr.iter().any(|logged| logged.starts_with(line)), "{line}: {ran:?}");
    }
    let kept = fs::read_to_string(&rejects).expect("rejected lines");
    assert_eq!(kept.lines().collect::<Vec<_>>(), [&lines[1], &lines[2], &lines[5]]);
    assert_eq!(backfill.committed("call.completed").len(), 3);

    let again = backfill.place.run(&backfill.args(&["--rejects", &rejects])).expect_code(1).json();
    assert_eq!((&again["replayed"], &again["rejected_before"]), (&0.into(), &3.into()));
    assert_eq!(fs::read_to_string(&rejects).expect("rejected lines"), kept);
    let from = backfill.place.run(&backfill.args(&["--from-line", "7"])).expect_code(0).json();
    assert_eq!((&from["first_line"], &from["replayed"]), (&7.into(), &1.into()));
    backfill.place.run(&backfill.args(&["--restart"])).expect_code(1);
    assert_eq!(backfill.committed("call.completed").len(), 3 + 1 + 3);
    let record = &backfill.committed("call.completed")[0];
    assert!(record.header("justcall-replayed").is_some() && record.header("ce_id").is_some());
}

#[test]
fn records_whose_timestamps_the_topic_refuses_get_the_present_time() {
    let now = chrono::Utc::now().timestamp_millis();
    let backfill = Backfill::new("");
    let topic = backfill.topic("call.completed");
    let bounds =
        [("message.timestamp.before.max.ms", "600000"), ("message.timestamp.after.max.ms", "600000")];
    consume::create_topic_with(Kafka::shared().bootstrap(), &topic, 1, 1, &bounds);
    for age in [30 * 60_000, -30 * 60_000] {
        let line = serde_json::json!({"topic": topic, "headers": {}, "timestamp": now - age, "value": "{}"});
        fs::write(&backfill.file, format!("{line}\n")).expect("a file");
        let ran = backfill.place.run(&backfill.args(&["--records", "--restart"])).expect_code(0);
        assert_eq!(ran.json()["replayed"], 1);
    }
    let records = backfill.committed("call.completed");
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.timestamp_millis >= now), "{records:?}");
}

#[test]
fn rejects_are_appended_to_what_a_file_contains() {
    let backfill = Backfill::new(&format!("no JSON\n{}\nneither\n", "x".repeat(17 << 20)));
    let rejects = backfill.path("rejects.ndjson");
    fs::write(&rejects, "kept").expect("a file");
    let ran = backfill.place.run(&backfill.args(&["--rejects", &rejects])).expect_code(1);
    assert!(
        ran.stderr.iter().any(|line| line.starts_with("line 2: too_long") && line.contains("byte 8")),
        "{ran:?}"
    );
    let first = "kept\nno JSON\nneither\n";
    assert_eq!(fs::read_to_string(&rejects).expect("the rejects"), first);
    backfill.place.run(&backfill.args(&["--rejects", &rejects, "--restart"])).expect_code(1);
    let both = format!("{first}no JSON\nneither\n");
    assert_eq!(fs::read_to_string(&rejects).expect("the rejects"), both);
}

#[test]
fn rejects_are_kept_under_every_name_beside_the_resume_file() {
    let backfill = Backfill::new(&format!("no JSON\n{}\n", call(1, 1)));
    let rejects = backfill.path("backfill.ndjson.resume.new");
    backfill.place.run(&backfill.args(&["--rejects", &rejects])).expect_code(1);
    assert_eq!(fs::read(&rejects).expect("the rejects"), b"no JSON\n");
    let mut names: Vec<_> = fs::read_dir(backfill.folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    assert_eq!(names, ["backfill.ndjson", "backfill.ndjson.resume", "backfill.ndjson.resume.new"]);
}

#[test]
fn files_that_every_user_can_write_to_are_refused_with_a_remedy() {
    let backfill = Backfill::new(&format!("{}\n", call(1, 1)));
    let other = backfill.path("other");
    for flag in ["--rejects", "--resume-file"] {
        fs::write(&other, "").expect("a file");
        fs::set_permissions(&other, fs::Permissions::from_mode(0o666)).expect("its mode");
        let ran = backfill.place.run(&backfill.args(&[flag, &other])).expect_code(1);
        let error = ran.stderr.last().expect("an error");
        assert!(error.contains(&other) && error.contains("chmod o-w"), "{flag}: {error}");
        assert_eq!(fs::read(&other).expect("the file"), b"", "{flag}");
    }
}

#[test]
fn rejects_file_is_refused_for_a_single_body() {
    let backfill = Backfill::new("{\n\"event\": 1}");
    let rejects = backfill.path("rejected.ndjson");
    let ran = backfill.place.run(&backfill.args(&["--body", "--rejects", &rejects])).expect_code(2);
    assert!(ran.stderr.join("\n").contains("--rejects <FILE>"), "{ran:?}");
    assert!(!PathBuf::from(&rejects).exists());
}

#[test]
fn resume_point_of_another_kind_of_content_is_refused() {
    let record = r#"{"topic":"foreign","headers":{},"timestamp":1,"value":"x"}"#;
    let backfill = Backfill::new(record);
    let ran = backfill.place.run(&backfill.args(&[])).expect_code(1);
    assert!(ran.stderr.join("\n").contains("needs --records"), "{ran:?}");
    let hinted = ["--records", "--any-topic"];
    let refused = backfill.place.run(&backfill.args(&hinted)).expect_code(1);
    let logged = refused.stderr.join("\n");
    assert!(logged.contains("--restart") && logged.contains("as events up to line 1"), "{logged}");
    let dry = [&hinted[..], &["--restart", "--dry-run"]].concat();
    assert_eq!(backfill.place.run(&backfill.args(&dry)).expect_code(0).json()["replayed"], 1);
}

#[test]
fn line_that_kafka_refuses_is_rejected_and_the_others_are_written() {
    let large = call(2, 2).replace(r#""duration""#, &format!(r#""notes":"{}","duration""#, "x".repeat(5000)));
    let backfill = Backfill::new(&[call(1, 1), large, call(3, 3)].join("\n"));
    let limit = [("max.message.bytes", "2000")];
    create_topic_with(Kafka::shared().bootstrap(), &backfill.topic("call.completed"), 1, 1, &limit);
    let ran = backfill.place.run(&backfill.args(&[])).expect_code(1);
    assert!(ran.stderr.iter().any(|line| line.starts_with("line 2: refused_by_kafka")), "{ran:?}");
    let numbers: Vec<_> = backfill.committed("call.completed").iter().map(number).collect();
    assert_eq!(numbers, [1, 3]);
}

#[test]
fn changed_file_and_unknown_source_are_refused_with_a_remedy() {
    let backfill = Backfill::new(&(call(1, 1) + "\n"));
    backfill.place.run(&backfill.args(&[])).expect_code(0);
    fs::write(&backfill.file, call(2, 2) + "\n" + &call(3, 3)).expect("a file");
    let refused = backfill.place.run(&backfill.args(&[])).expect_code(1);
    assert!(refused.stderr.join("").contains("--from-line 2"), "{refused:?}");
    assert_eq!(backfill.committed("call.completed").len(), 1);
    let usage = backfill.place.run(&backfill.args(&["--source", "nobody"])).expect_code(2);
    assert!(usage.stderr.join("").contains("main"), "{usage:?}");
    backfill.place.run(&backfill.args(&["--restart"])).expect_code(0);
    assert_eq!(backfill.committed("call.completed").len(), 3);
}

#[test]
fn nothing_is_written_without_a_resume_point() {
    let backfill = Backfill::new(&(call(1, 1) + "\n"));
    let nowhere = backfill.path("no/such/folder/resume");
    let refused = backfill.place.run(&backfill.args(&["--resume-file", &nowhere])).expect_code(1);
    assert!(refused.stderr.join("").contains("--resume-file"), "{refused:?}");
    create_topic(Kafka::shared().bootstrap(), &backfill.topic("call.completed"), 1);
    assert!(backfill.committed("call.completed").is_empty());
}

#[test]
fn replay_waits_for_kafka_and_reports_it() {
    let backfill = Backfill::new(&(call(1, 1) + "\n"));
    let place = Place::new("127.0.0.1:1", &backfill.prefix);
    let process = place.start(&backfill.args(&[]));
    process.wait_for_line("waiting for Kafka", TIMEOUT);
    process.signal("INT");
    let ran = finish(process).expect_code(1);
    assert!(ran.stderr.join("\n").contains("run it again"), "{ran:?}");
}

#[test]
fn export_of_a_spool_replays_to_identical_records() {
    let kafka = Kafka::shared().bootstrap();
    let prefix = format!("{}.", topic_name("export"));
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().join("spool");
    let settings = [
        format!("spool.directory={}", spool.display()),
        format!("topics.prefix={prefix}"),
        "kafka.ack_deadline=200ms".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let bridge = Bridge::serve("127.0.0.1:1", &settings);
    for number in 0..20 {
        let answer = bridge.post(call(number % 5, number).as_bytes());
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"spooled".into()));
    }
    let spool = spool.display().to_string();
    let export = finish(Process::bridge(&["spool", "export", "--directory", &spool], &[])).expect_code(0);
    assert!(bridge.stop().success());
    let file = folder.path().join("backlog.ndjson");
    fs::write(&file, export.text()).expect("a file");
    let topic = format!("{prefix}call.completed");
    create_topic(kafka, &topic, 3);
    let replay = ["replay", file.to_str().expect("text"), "--json", "--records"];
    let summary = Place::new(kafka, &prefix).run(&replay).expect_code(0).json();
    assert_eq!(summary["replayed"], 20);
    let replayed = comparable(consume::read_committed(kafka, &topic));
    assert_eq!(replayed.len(), 20);

    let bridge = Bridge::serve(kafka, &settings);
    bridge.wait_for_metric("spool_rows", 0);
    let both = comparable(consume::read_committed(kafka, &topic));
    assert!(bridge.stop().success());
    assert_eq!(both.len(), 40);
    let drained: Vec<_> = both.into_iter().filter(|each| !replayed.contains(each)).collect();
    assert!(drained.is_empty(), "the drain writes other records: {drained:?}");
}

#[test]
fn headers_of_one_name_and_missing_times_survive_an_export() {
    let kafka = Kafka::shared().bootstrap();
    let prefix = format!("{}.", topic_name("headers"));
    let topic = format!("{prefix}call.completed");
    create_topic(kafka, &topic, 1);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", kafka).create().expect("a producer");
    let headers = || {
        let twice = |headers: OwnedHeaders, value: &'static [u8]| {
            headers.insert(Header { key: "hop", value: Some(value) })
        };
        let all = twice(OwnedHeaders::new(), b"a").insert(Header { key: "ce_id", value: Some("7") });
        twice(twice(all, b"\xff"), b"c")
    };
    // librdkafka replaces 0 with the present time.
    for time in [-1, 1234] {
        let record = BaseRecord::<(), _>::to(&topic).payload("{}").headers(headers()).timestamp(time);
        producer.send(record).map_err(|(error, _)| error).expect("room");
        producer.flush(TIMEOUT).expect("acknowledged");
    }
    let place = Place::new(kafka, &prefix);
    let tail =
        ["tail", "--topic", &topic, "--json", "--show-personal-data", "--from", "beginning", "--until-end"];
    let export = place.run(&tail).expect_code(0).text();
    let lines: Vec<serde_json::Value> =
        export.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["timestamp"], &lines[1]["timestamp"]), (&serde_json::Value::Null, &1234.into()));
    assert_eq!(lines[0]["headers"]["hop_base64"], serde_json::json!(["YQ==", "/w==", "Yw=="]));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("export.ndjson");
    fs::write(&file, export).expect("a file");
    let before = chrono::Utc::now().timestamp_millis();
    let replay = ["replay", file.to_str().expect("text"), "--json", "--records"];
    assert_eq!(place.run(&replay).expect_code(0).json()["replayed"], 2);
    // The exported record itself has no time, and this reader needs one.
    let end = place.run(&tail).expect_code(0).text();
    let replayed: Vec<serde_json::Value> =
        end.lines().skip(2).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let times: Vec<i64> = replayed.iter().map(|line| line["timestamp"].as_i64().expect("a time")).collect();
    // Kafka would delete a record of the old time.
    assert!(times.iter().all(|time| *time >= before), "{times:?}");
    for (line, original) in replayed.iter().zip(&lines) {
        assert_eq!(line["headers"], original["headers"]);
    }
}

#[test]
fn rejected_body_in_the_form_of_a_record_reaches_no_topic_that_it_names() {
    let backfill = Backfill::new("");
    let kafka = Kafka::shared().bootstrap();
    let foreign = topic_name("payments.orders");
    let record = format!(
        r#"{{"topic":"{foreign}","headers":{{"ce_id":"1","ce_type":"order.paid"}},"key":"k","timestamp":1,"value":"{{}}"}}"#
    );
    let with_lines = format!("x\n{record}\n{}\n", call(66, 66));
    let settings = [format!("topics.prefix={}", backfill.prefix)];
    let bridge = Bridge::serve(kafka, &[&settings[0]]);
    for body in [&record, &with_lines] {
        let answer = bridge.post(body.as_bytes());
        assert!(matches!(answer.status, 400 | 422), "{}", answer.status);
    }
    assert!(bridge.stop().success());

    let list = backfill.place.run(&["dead-letters", "list", "--each"]).text();
    let ids: Vec<&str> = list.split_whitespace().filter(|word| is_letter_id(word)).collect();
    assert_eq!(ids.len(), 2, "{list}");
    for (at, id) in ids.into_iter().enumerate() {
        let shown = backfill.place.run(&["dead-letters", "show", id, "--raw"]).expect_code(0).text();
        let file = backfill.path(&format!("body{at}.json"));
        fs::write(&file, &shown).expect("a file");
        let replay = |flag: &[&str]| {
            let resume = backfill.path("resume");
            let args = [&["replay", &file, "--restart", "--resume-file", &resume][..], flag].concat();
            backfill.place.run(&args).expect_code(1);
        };
        replay(&["--body"]);
        assert!(consume::topic_partitions(kafka, &foreign).is_none());
        assert!(
            consume::topic_partitions(kafka, &backfill.topic("call.completed")).is_none(),
            "a line is an event"
        );
        replay(&["--records"]);
        if !shown.contains("call_66") {
            replay(&[]);
        }
        assert!(consume::topic_partitions(kafka, &foreign).is_none());
    }

    let file = backfill.path("own.ndjson");
    fs::write(&file, &record).expect("a file");
    backfill.place.run(&["replay", &file, "--records", "--any-topic"]).expect_code(0);
    assert_eq!(consume::read_committed(kafka, &foreign).len(), 1);
}

fn is_letter_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(partition, offset)| {
        [partition, offset]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// An export does not keep the order of headers.
fn comparable(reads: Vec<Read>) -> Vec<Read> {
    let each = |mut read: Read| {
        read.headers.sort();
        Read { offset: 0, ..read }
    };
    reads.into_iter().map(each).collect()
}

#[test]
fn outputs_match_the_golden_files() {
    let backfill = Backfill::new(&[call(1, 1), call(2, 2), "no JSON".into()].join("\n"));
    let file = backfill.file.to_str().expect("text");
    let run = |args: &[&str]| {
        let ran = backfill.place.run(&[&["replay", file], args].concat()).expect_code(1);
        normal(&format!("{}{}\n", ran.text(), ran.stderr.join("\n")), &backfill.prefix)
    };
    golden::same("replay-dry-run.txt", &run(&["--dry-run"]));
    golden::same("replay.txt", &run(&[]));
    golden::same("replay-again.txt", &run(&[]));
}
