//! Three brokers with three replicas; an acknowledgement needs two of them.

use super::trial::Plan;
use super::{Case, Setting};
use crate::kit::bridge::until;
use crate::kit::consume;
use crate::kit::load::TYPES;

pub(super) const CASES: [Case; 4] = [
    ("one of three lost", |setting| lost(setting, 1)),
    ("two of three lost", |setting| lost(setting, 2)),
    ("one of three frozen", one_frozen),
    ("leaders moved", leaders_moved),
];

fn lost(setting: &Setting<'_>, count: usize) {
    let mut trial = setting.begin(Plan::default());
    let first = trial.chance.below(3);
    for index in first..first + count {
        setting.cluster.kafka.broker(index % 3).kill();
    }
    trial.pass(setting.lasting(5_000, 30));
    setting.cluster.revive();
    setting.end(trial);
}

/// Freezes a broker: it leads a third of all partitions until the others notice, and some answers never arrive.
fn one_frozen(setting: &Setting<'_>) {
    let mut trial = setting.begin(Plan::default());
    let frozen = trial.chance.below(3);
    setting.cluster.kafka.broker(frozen).freeze();
    trial.pass(setting.lasting(5_000, 30));
    setting.cluster.kafka.thaw();
    setting.end(trial);
}

/// Stops the leader, so that leadership moves away and soon after its return moves back.
fn leaders_moved(setting: &Setting<'_>) {
    let mut trial = setting.begin(Plan::default());
    let kafka = setting.cluster.kafka.bootstrap();
    let topics = TYPES.map(|(kind, _)| trial.topic(kind));
    until("the topics", || topics.iter().all(|topic| consume::topic_partitions(kafka, topic).is_some()));
    let moved = trial.chance.below(3);
    setting.cluster.kafka.broker(moved).kill();
    until("other leaders", || topics.iter().all(|topic| consume::leads(kafka, topic, moved + 1) == 0));
    setting.cluster.revive();
    until("the old leaders", || topics.iter().all(|topic| consume::leads(kafka, topic, moved + 1) > 0));
    setting.end(trial);
}
