//! An acknowledgement needs two of three replicas.

use super::trial::Plan;
use super::{Case, Context};
use crate::kit::bridge::until;
use crate::kit::consume;
use crate::kit::load::TYPES;

pub(super) const CASES: [Case; 4] = [
    ("one of three lost", |context| lost(context, 1)),
    ("two of three lost", |context| lost(context, 2)),
    ("one of three frozen", one_frozen),
    ("leaders moved", leaders_moved),
];

fn lost(context: &Context<'_>, count: usize) {
    let mut trial = context.begin(Plan::default());
    let first = trial.rng.below(3);
    for index in first..first + count {
        context.cluster.kafka.broker(index % 3).kill();
    }
    trial.pass(context.lasting(5_000, 30));
    context.cluster.restart_dead_brokers();
    context.end(trial);
}

/// A third of all partitions has no leader until the others notice.
fn one_frozen(context: &Context<'_>) {
    let mut trial = context.begin(Plan::default());
    let frozen = trial.rng.below(3);
    context.cluster.kafka.broker(frozen).freeze();
    trial.pass(context.lasting(5_000, 30));
    context.cluster.kafka.thaw();
    context.end(trial);
}

/// Leadership moves back soon after the leader's return.
fn leaders_moved(context: &Context<'_>) {
    let mut trial = context.begin(Plan::default());
    let kafka = context.cluster.kafka.bootstrap();
    let topics = TYPES.map(|(kind, _)| trial.topic(kind));
    until("the topics", || topics.iter().all(|topic| consume::topic_partitions(kafka, topic).is_some()));
    let moved = trial.rng.below(3);
    context.cluster.kafka.broker(moved).kill();
    until("other leaders", || topics.iter().all(|topic| consume::leads(kafka, topic, moved + 1) == 0));
    context.cluster.restart_dead_brokers();
    until("the old leaders", || topics.iter().all(|topic| consume::leads(kafka, topic, moved + 1) > 0));
    context.end(trial);
}
