use super::Team;
use crate::kit::consume::create_topic_with;
use crate::kit::golden;
use crate::kit::kafka::Kafka;

fn mixed() -> Team {
    let bootstrap = Kafka::shared().bootstrap();
    let settings = [
        "topics.partitions=3",
        "topics.replication_factor=1",
        "topics.config={retention.ms: 604800000, cleanup.policy: delete}",
    ];
    let team = Team::new(bootstrap, &settings);
    let right = [("retention.ms", "604800000")];
    create_topic_with(bootstrap, &team.topic("calls"), 2, 1, &[("retention.ms", "86400000")]);
    create_topic_with(bootstrap, &team.topic("rest"), 4, 1, &[right[0], ("segment.bytes", "2097152")]);
    create_topic_with(bootstrap, &team.topic("dead-letter"), 3, 1, &right);
    team
}

#[test]
fn plan_of_a_mixed_cluster() {
    let team = mixed();
    golden::same("topics-plan.txt", &team.plain(&team.run(&["plan"]).expect_code(0)));
    golden::same("topics-plan-verbose.txt", &team.plain(&team.run(&["plan", "--verbose"]).expect_code(0)));
    let json = team.plain(&team.run(&["plan", "--json", "--exit-code"]).expect_code(3));
    golden::same("topics-plan.json", &json);
}

#[test]
fn plan_of_an_empty_cluster_leaves_unset_properties_to_the_broker() {
    let team = Team::new(Kafka::shared().bootstrap(), &[]);
    golden::same("topics-plan-empty.txt", &team.plain(&team.run(&["plan", "--exit-code"]).expect_code(3)));
}

#[test]
fn different_replica_count_is_reported_with_its_remedy() {
    let bootstrap = Kafka::shared().bootstrap();
    let team = Team::new(bootstrap, &["topics.replication_factor=3"]);
    create_topic_with(bootstrap, &team.topic("calls"), 2, 1, &[]);
    let plan = team.run(&["plan"]).expect_code(0);
    let line = plan.lines().find(|line| line.contains(&team.topic("calls"))).expect("a line");
    assert!(line.starts_with("differs") && line.contains("kafka-reassign-partitions"), "{line}");
}

#[test]
fn unreachable_cluster_is_a_failure_and_not_an_empty_plan() {
    let team = Team::new("127.0.0.1:1", &[]);
    let run = team.run(&["plan", "--exit-code"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("127.0.0.1:1") && run.err.contains("Connection refused"), "{}", run.err);
}

#[test]
fn invalid_settings_are_reported_as_by_other_commands() {
    let team = Team::new("127.0.0.1:1", &["topics.partitions=0"]);
    for words in [&["plan"][..], &["apply", "--yes"], &["export", "--format", "kafka-topics"]] {
        let run = team.run(words);
        assert_eq!(run.code, 78, "{words:?}");
        assert!(run.err.contains("topics.partitions"), "{}", run.err);
    }
}
