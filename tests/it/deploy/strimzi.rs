//! The resources for Strimzi are what the settings beside them yield.

use super::project;
use super::tools::printed;
use crate::kit::golden;
use crate::kit::process::bridge_command;

#[test]
fn topics_and_rights_are_those_of_the_settings() {
    let mut export = bridge_command();
    export.args(["topics", "export", "--format", "strimzi", "--cluster", "events", "--namespace", "kafka"]);
    export.args(["--for", "serve,check", "--config"]).arg(project("deploy/strimzi/bridge.yaml"));
    golden::same("../../deploy/strimzi/kafka.yaml", &printed(&mut export));
}
