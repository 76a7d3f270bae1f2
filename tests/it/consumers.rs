//! Consumers of `examples/` on real Kafka, with records of the real bridge: order, commits, duplicates and bad
//! records.

mod events_crate;
mod forged;
mod service;
mod stage;
mod unread;

use crate::kit::process::Process;
use service::{Consumer, IN_JAVA, IN_PYTHON, IN_RUST};
use stage::{Stage, Worked};
use std::time::Duration;
use unread::Unread;

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn rust_consumer_loses_nothing_and_repeats_only_after_a_crash() {
    try_out(&IN_RUST);
}

#[test]
fn java_consumer_loses_nothing_and_repeats_only_after_a_crash() {
    try_out(&IN_JAVA);
}

#[test]
fn python_consumer_loses_nothing_and_repeats_only_after_a_crash() {
    try_out(&IN_PYTHON);
}

fn try_out(consumer: &Consumer) {
    let mut stage = Stage::build();
    stage.post(400);
    stage.post_without_id();

    let stuck = Unread::stuck(stage.command(consumer, Some("first")));
    if consumer.commits_by_the_clock {
        stage.until_something_is_committed();
    }
    let worked = Worked::from(&stuck.kill());
    stage.every_committed_record_is_done(&worked);
    stage.is_in_order(&worked);
    let again = stage.not_committed();
    let was_between = again.iter().any(|id| worked.times(id) > 0);
    assert!(was_between || consumer.commits_by_the_clock, "nothing was between its work and its commit");

    // The same instance name, so that the group does not wait for the session of the first.
    let mut first = Process::start(&mut stage.command(consumer, Some("first")));
    stage.until_worked(&[&first], &again);
    let worked = Worked::from(&first.stdout());
    assert_eq!(worked.all(), again, "what was not committed is done, and nothing else");
    stage.is_in_order(&worked);

    // A second consumer joins and leaves while events arrive.
    let calm = stage.posted();
    stage.set_without_duplicates(true);
    let mut second = Process::start(&mut stage.command(consumer, None));
    stage.post_until(|| !second.stdout().is_empty());
    second.signal("TERM");
    stage.post(60);
    assert_eq!(second.wait_exit(PATIENCE).code(), Some(consumer.stopped), "{:?}", second.stderr());
    stage.set_without_duplicates(false);
    stage.post(60);
    let live = stage.ids_since(calm);
    stage.until_worked(&[&first, &second], &live);

    first.signal("TERM");
    assert_eq!(first.wait_exit(PATIENCE).code(), Some(consumer.stopped), "{:?}", first.stderr());
    let (first, second) = (Worked::from(&first.stdout()), Worked::from(&second.stdout()));
    let times = |id| first.times(id) + second.times(id);
    let repeated: Vec<_> = live.iter().filter(|id| times(id) != 1).collect();
    assert!(repeated.is_empty(), "worked on again without a crash: {repeated:?}");
    stage.is_in_order(&first);
    stage.is_in_order(&second);
    stage.everything_is_committed();
    stage.poison_is_set_aside(calm);
}
