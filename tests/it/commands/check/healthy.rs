use super::{Bridge, report_skipped};
use crate::kit::consume::{create_topic_with, topic_end};
use crate::kit::golden;
use crate::kit::kafka::Kafka;
use std::process::Command;

fn normalized(bridge: &Bridge, report: &str) -> String {
    let mut text = report.replace(&bridge.prefix, "justcall.");
    for (index, address) in addresses(bridge).iter().enumerate() {
        text = text.replace(address, &format!("ADDRESS-{index}"));
    }
    text = text.replace(&bridge.folder.path().display().to_string(), "FOLDER");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        replace_between(line, "spool.max_bytes: ", " are free", "SIZE");
        replace_between(line, "spool.disk: on ", "", "KIND");
        replace_between(line, "\"text\": \"on ", "\"", "KIND");
        replace_between(line, "\"text\": \"", " are free", "SIZE");
    }
    lines.join("\n") + "\n"
}

fn replace_between(line: &mut String, before: &str, after: &str, word: &str) {
    let Some(begin) = line.find(before).map(|at| at + before.len()) else { return };
    let end =
        if after.is_empty() { Some(line.len()) } else { line[begin..].find(after).map(|at| begin + at) };
    if let Some(end) = end {
        line.replace_range(begin..end, word);
    }
}

fn addresses(bridge: &Bridge) -> Vec<String> {
    let keys = ["kafka.bootstrap_servers=", "server.listen=", "admin.listen="];
    let values = keys
        .iter()
        .flat_map(|key| bridge.settings.iter().filter_map(move |setting| setting.strip_prefix(key)));
    values.flat_map(|list| list.split(',')).map(str::to_owned).collect()
}

/// In a container it often is not.
fn is_on_a_disk(bridge: &Bridge) -> bool {
    let stat = Command::new("stat").args(["-f", "-c", "%T"]).arg(bridge.folder.path()).output();
    let kind =
        stat.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    !["tmpfs", "overlayfs", "ramfs"].contains(&kind.as_str())
}

pub(super) fn healthy_bridge_has_only_ok_lines_and_a_broken_one_remedies(kafka: &Kafka) {
    let bridge = Bridge::new(kafka.bootstrap());
    for topic in ["calls", "dead-letter"] {
        create_topic_with(kafka.bootstrap(), &bridge.topic(topic), 2, 3, &[("min.insync.replicas", "2")]);
    }
    let report = bridge.check(&["--probe", "--strict"]);
    if is_on_a_disk(&bridge) {
        assert_eq!((report.code, report.problems().as_str()), (0, ""));
        let (code, text) = bridge.run(&["--probe"]);
        assert_eq!(code, 0);
        golden::same("check-healthy.txt", &normalized(&bridge, &text));
        golden::same("check-healthy.json", &normalized(&bridge, &bridge.run(&["--probe", "--json"]).1));
    } else {
        report_skipped("a report of ok lines only", "the tests' folder is not on a durable disk");
        assert!(report.problems().lines().all(|line| line.contains("spool.disk")), "{}", report.problems());
    }
    for topic in ["calls", "dead-letter"] {
        assert_eq!(topic_end(kafka.bootstrap(), &bridge.topic(topic)), 0, "check wrote a record");
    }
    let report = bridge.check(&[]);
    assert_eq!(report.problems().lines().count(), 1, "{}", report.problems());
    assert!(report.has(("skipped", "write", &["--probe"])), "{}", report.problems());

    let broken = Bridge::new(&format!("{},no-such-host.invalid:9092", kafka.bootstrap()))
        .with("topics.create_missing=false")
        .with("server.listen=192.0.2.1:8080")
        .with("sources.main.signature.urls=[]");
    let letters = broken.topic("dead-letter");
    create_topic_with(kafka.bootstrap(), &letters, 1, 1, &[("cleanup.policy", "compact")]);
    let (code, text) = broken.run(&[]);
    assert_eq!(code, 1);
    if is_on_a_disk(&broken) {
        golden::same("check-broken.txt", &normalized(&broken, &text));
        golden::same("check-broken.json", &normalized(&broken, &broken.run(&["--json"]).1));
    }
}
