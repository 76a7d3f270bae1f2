//! Faults of the only broker, of its connection and of the clock, and two at once.

use super::fault::{self, Fault};
use super::trial::{Plan, Trial};
use super::{Case, Setting};
use crate::kit::clock::Clock;
use crate::kit::consume;
use crate::kit::load::Answer;
use std::time::Duration;

pub(super) const CASES: [Case; 12] = [
    ("broker frozen for a moment", |setting| one(setting, Fault::Frozen, Duration::from_secs(1))),
    ("broker frozen", |setting| one(setting, Fault::Frozen, setting.lasting(5_000, 20))),
    ("broker frozen for long", |setting| one(setting, Fault::Frozen, setting.lasting(8_000, 60))),
    ("broker killed and restarted", |setting| one(setting, Fault::Killed, setting.lasting(1_500, 20))),
    ("TCP cut for a moment", |setting| one(setting, Fault::Cut, Duration::from_millis(100))),
    ("TCP cut", |setting| one(setting, Fault::Cut, setting.lasting(3_000, 20))),
    ("TCP black-holed", |setting| one(setting, Fault::Clogged, setting.lasting(4_000, 40))),
    ("broker frozen, no spool", frozen_without_spool),
    ("topic deleted", topic_deleted),
    ("restarted with empty disks", empty_disks),
    ("clock jumps", clock_jumps),
    ("two at once", two_at_once),
];

fn one(setting: &Setting<'_>, fault: Fault, length: Duration) {
    let mut trial = setting.begin(Plan::default());
    strike(&mut trial, fault, length);
    setting.end(trial);
}

fn strike(trial: &mut Trial<'_>, fault: Fault, length: Duration) {
    fault.strike(trial);
    trial.pass(length);
    fault.lift(trial);
}

/// Freezes Kafka without a spool: events are refused, and promised events are kept.
fn frozen_without_spool(setting: &Setting<'_>) {
    let mut trial = setting.begin(Plan { spool: false, ..Plan::default() });
    strike(&mut trial, Fault::Frozen, setting.lasting(3_000, 20));
    setting.end(trial);
}

/// Deletes a topic.
///
/// Earlier promises end. The bridge recreates the topic, which must contain every event promised afterwards.
fn topic_deleted(setting: &Setting<'_>) {
    let mut trial = setting.begin(Plan::default());
    let (kafka, topic) = (setting.cluster.kafka.bootstrap(), trial.topic("sms.sent"));
    trial.until("the topic", |_| consume::topic_partitions(kafka, &topic).is_some());
    consume::request_deletion(kafka, &topic);
    trial.waive(Some("sms.sent"));
    trial.until("the topic once more", |_| consume::topic_partitions(kafka, &topic).is_some());
    trial.pass(Duration::from_secs(2));
    setting.end(trial);
}

/// Deletes every topic and the cluster's memory of producers.
fn empty_disks(setting: &Setting<'_>) {
    let mut trial = setting.begin(Plan::default());
    setting.cluster.kafka.kill();
    trial.waive(None);
    trial.pass(setting.lasting(2_500, 10));
    setting.cluster.kafka.restart_empty();
    setting.end(trial);
}

/// Moves the clock by less than the hour that Kafka allows for a record's timestamp.
fn clock_jumps(setting: &Setting<'_>) {
    let clock = match Clock::build() {
        Ok(clock) => clock,
        Err(why) => return setting.cannot(&why),
    };
    let environment = clock.environment().to_vec();
    let mut trial = setting.begin(Plan { environment, ..Plan::default() });
    for jump in [3_000, -3_000] {
        clock.jump(jump);
        trial.until_more(Answer::Acked, 30);
        // Deadlines and circuits must not depend on the wall clock, also while a circuit is open.
        setting.cluster.kafka.freeze();
        trial.until_spooling(5);
        clock.jump(-jump);
        trial.pass(setting.lasting(500, 5));
        setting.cluster.kafka.thaw();
        trial.until_more(Answer::Acked, 30);
    }
    clock.jump(0);
    trial.note = " ±50 min".into();
    setting.end(trial);
}

fn two_at_once(setting: &Setting<'_>) {
    let mut trial = setting.begin(Plan::default());
    let mut chance = trial.chance.clone();
    let first = chance.choose(&fault::ALL);
    let others: Vec<Fault> = fault::ALL.into_iter().filter(|other| *other != first).collect();
    let mut both = [first, chance.choose(&others)];
    both.sort();
    trial.note = format!(" ({:?}, {:?})", both[0], both[1]);
    let length = |short, long| if setting.is_long { long } else { short };
    both[0].strike(&mut trial);
    trial.pass(chance.millis(0, length(2_000, 10_000)));
    both[1].strike(&mut trial);
    trial.pass(chance.millis(500, length(3_000, 20_000)));
    both[0].lift(&mut trial);
    trial.pass(chance.millis(0, length(1_000, 10_000)));
    both[1].lift(&mut trial);
    setting.end(trial);
}
