use super::{call, post, unknown};
use crate::kit::bridge::Bridge;
use crate::kit::command::{Place, normal};
use crate::kit::golden;
use crate::kit::kafka::Kafka;

#[test]
fn outputs_match_the_golden_files() {
    let settings = ["sources.main.validation=strict", "unknown_events=dead_letter", "topics.partitions=1"];
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
    post(&bridge, &call("call_1"), 422);
    post(&bridge, &unknown("fax_1"), 200);
    post(&bridge, b"no JSON", 400);
    let place = Place::new(Kafka::shared().bootstrap(), &bridge.prefix).with("topics.partitions=1");
    let run = |args: &[&str]| normal(&place.run(&[&["dead-letters"], args].concat()).text(), &bridge.prefix);
    golden::same("dead-letters-list.txt", &run(&["list"]));
    golden::same("dead-letters-each.txt", &run(&["list", "--each"]));
    golden::same("dead-letters-show.txt", &run(&["show", "0-0"]));
    golden::same("dead-letters-dry-run.txt", &run(&["replay", "--all", "--dry-run"]));
    golden::same("dead-letters-replay.txt", &run(&["replay", "0-0", "0-2", "0-9", "--yes"]));
    golden::same("dead-letters-replay.json", &run(&["replay", "--all", "--yes", "--json"]));
    golden::same("dead-letters-list.json", &run(&["list", "--json"]));
    assert!(bridge.stop().success());
}
