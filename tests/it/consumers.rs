mod blocked_program;
mod events_crate;
mod foreign_records;
mod scenario;
mod service;

use crate::kit::process::Process;
use blocked_program::BlockedProgram;
use scenario::{Handled, Scenario};
use service::{Consumer, IN_JAVA, IN_PYTHON, IN_RUST};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(120);

#[test]
fn rust_consumer_loses_nothing_and_repeats_only_after_a_crash() {
    assert_consumer(&IN_RUST);
}

#[test]
fn java_consumer_loses_nothing_and_repeats_only_after_a_crash() {
    assert_consumer(&IN_JAVA);
}

#[test]
fn python_consumer_loses_nothing_and_repeats_only_after_a_crash() {
    assert_consumer(&IN_PYTHON);
}

fn assert_consumer(consumer: &Consumer) {
    let mut scenario = Scenario::build();
    scenario.post(400);
    scenario.post_without_id();

    let blocked = BlockedProgram::start_blocked(scenario.command(consumer, Some("first")));
    if consumer.commits_periodically {
        scenario.wait_for_a_commit();
    }
    let handled = Handled::from(&blocked.kill());
    scenario.every_committed_record_is_handled(&handled);
    scenario.is_in_order(&handled);
    let again = scenario.uncommitted();
    let was_between = again.iter().any(|id| handled.times(id) > 0);
    assert!(was_between || consumer.commits_periodically, "no event was handled but not committed");

    // With another name, the group would wait for the session of the first.
    let mut first = Process::start(&mut scenario.command(consumer, Some("first")));
    scenario.wait_until_handled(&[&first], &again);
    let handled = Handled::from(&first.stdout());
    assert_eq!(handled.all(), again, "the handled events are not the uncommitted ones");
    scenario.is_in_order(&handled);

    let calm = scenario.posted();
    scenario.set_without_duplicates(true);
    let mut second = Process::start(&mut scenario.command(consumer, None));
    scenario.post_until(|| !second.stdout().is_empty());
    second.signal("TERM");
    scenario.post(60);
    assert_eq!(second.wait_exit(TIMEOUT).code(), Some(consumer.stopped), "{:?}", second.stderr());
    scenario.set_without_duplicates(false);
    scenario.post(60);
    let live = scenario.ids_since(calm);
    scenario.wait_until_handled(&[&first, &second], &live);

    first.signal("TERM");
    assert_eq!(first.wait_exit(TIMEOUT).code(), Some(consumer.stopped), "{:?}", first.stderr());
    let (first, second) = (Handled::from(&first.stdout()), Handled::from(&second.stdout()));
    let times = |id| first.times(id) + second.times(id);
    let repeated: Vec<_> = live.iter().filter(|id| times(id) != 1).collect();
    assert!(repeated.is_empty(), "handled twice without a crash: {repeated:?}");
    scenario.is_in_order(&first);
    scenario.is_in_order(&second);
    scenario.everything_is_committed();
    scenario.bad_events_are_dead_letters(calm);
}
