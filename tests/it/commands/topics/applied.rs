use super::Team;
use crate::kit::consume::{create_topic_with, topic_config, topic_partitions};
use crate::kit::golden;
use crate::kit::kafka::Kafka;
use crate::kit::process::bridge_command;
use std::io::Write;
use std::process::{Command, Stdio};

fn bootstrap() -> &'static str {
    Kafka::shared().bootstrap()
}

fn wanted() -> [&'static str; 3] {
    ["topics.partitions=3", "topics.replication_factor=1", "topics.config={retention.ms: 604800000}"]
}

#[test]
fn missing_topics_are_created_once() {
    let team = Team::new(bootstrap(), &wanted());
    let first = team.run(&["apply", "--yes", "--exit-code"]).expect_code(0);
    golden::same("topics-apply.txt", &team.plain(&first));
    for rest in ["calls", "sms", "rest", "dead-letter"] {
        let topic = team.topic(rest);
        assert_eq!(topic_partitions(bootstrap(), &topic), Some(3), "{topic}");
        assert_eq!(topic_config(bootstrap(), &topic)["retention.ms"], "604800000", "{topic}");
    }
    golden::same("topics-plan-done.txt", &team.plain(&team.run(&["plan", "--exit-code"]).expect_code(0)));
    let second = team.run(&["apply", "--yes", "--exit-code"]).expect_code(0);
    assert!(!second.contains("done "), "{second}");
}

#[test]
fn changed_properties_are_restored_and_added_ones_stay() {
    let team = Team::new(bootstrap(), &wanted());
    let topic = team.topic("calls");
    create_topic_with(bootstrap(), &topic, 3, 1, &[("retention.ms", "1000"), ("segment.bytes", "2097152")]);
    let printed = team.run(&["apply", "--yes"]).expect_code(0);
    assert!(printed.contains("retention.ms: 1000 -> 604800000"), "{printed}");
    let config = topic_config(bootstrap(), &topic);
    assert_eq!((config["retention.ms"].as_str(), config["segment.bytes"].as_str()), ("604800000", "2097152"));
}

#[test]
fn partitions_are_added_only_with_consent_and_never_removed() {
    let team = Team::new(bootstrap(), &wanted());
    let (narrow, wide) = (team.topic("calls"), team.topic("sms"));
    create_topic_with(bootstrap(), &narrow, 1, 1, &[("retention.ms", "604800000")]);
    create_topic_with(bootstrap(), &wide, 5, 1, &[("retention.ms", "604800000")]);
    let partitions = || [&narrow, &wide].map(|topic| topic_partitions(bootstrap(), topic));

    let refused = team.run(&["apply", "--yes", "--exit-code"]).expect_code(3);
    assert!(refused.contains("left ") && refused.contains("--add-partitions"), "{refused}");
    assert_eq!(partitions(), [Some(1), Some(5)]);

    // The topic with too many partitions cannot shrink.
    team.run(&["apply", "--yes", "--add-partitions", "--exit-code"]).expect_code(3);
    assert_eq!(partitions(), [Some(3), Some(5)]);
    let plan = team.run(&["plan"]).expect_code(0);
    assert!(plan.contains("1 with differences") && plan.contains("3 as in the settings"), "{plan}");
}

#[test]
fn one_failure_is_reported_and_does_not_stop_the_others() {
    let team = Team::new(bootstrap(), &["topics.replication_factor=1"]);
    let topic = team.topic("calls");
    create_topic_with(bootstrap(), &topic, 1, 1, &[]);
    let run = team.run_with(&["apply", "--yes"], &["topics.config={retention.ms: soon}"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert_eq!(run.out.lines().filter(|line| line.starts_with("failed ")).count(), 4, "{}", run.out);
    assert!(run.err.contains("4 of 4 changes failed") && run.err.contains(&topic), "{}", run.err);

    let json = team.run_with(&["apply", "--yes", "--json"], &["topics.config={}"]).expect_code(0);
    let printed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let outcomes: Vec<_> =
        printed["changes"].as_array().expect("changes").iter().map(|it| &it["outcome"]).collect();
    assert_eq!(outcomes, ["done", "done", "done"], "{json}");
}

#[test]
fn nothing_changes_without_a_terminal_and_without_yes() {
    let team = Team::new(bootstrap(), &wanted());
    let run = team.run(&["apply"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains("--yes"), "{}", run.err);
    assert_eq!(topic_partitions(bootstrap(), &team.topic("calls")), None);
}

#[test]
fn answer_at_a_terminal_decides() {
    let team = Team::new(bootstrap(), &wanted());
    let (code, printed) = run_at_a_terminal(&team, "no\n");
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("Make these changes?") && printed.contains("nothing was changed"), "{printed}");
    assert_eq!(topic_partitions(bootstrap(), &team.topic("calls")), None);

    let (code, printed) = run_at_a_terminal(&team, "yes\n");
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(topic_partitions(bootstrap(), &team.topic("calls")), Some(3));

    let (code, printed) = run_at_a_terminal(&team, "");
    assert_eq!(code, Some(0), "{printed}");
    assert!(!printed.contains("Make these changes?"), "the prompt is superfluous: {printed}");
}

fn run_at_a_terminal(team: &Team, typed: &str) -> (Option<i32>, String) {
    let mut words = vec![bridge_command().get_program().display().to_string(), "topics apply".to_owned()];
    words.extend(team.settings.iter().map(|setting| format!("--set '{setting}'")));
    let mut command = Command::new("script");
    command.args(["-qec", &words.join(" "), "/dev/null"]);
    let mut script = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) of util-linux, which gives a program a terminal");
    let mut stdin = script.stdin.take().expect("piped above");
    stdin.write_all(typed.as_bytes()).expect("the terminal takes it");
    // Stays open, because a closed terminal would be another test.
    let output = script.wait_with_output().expect("an end");
    drop(stdin);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}
