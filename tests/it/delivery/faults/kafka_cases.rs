use super::fault::{self, Fault};
use super::trial::{Plan, Trial};
use super::{Case, Context};
use crate::kit::clock::Clock;
use crate::kit::consume;
use crate::kit::load::Answer;
use std::time::Duration;

pub(super) const CASES: [Case; 12] = [
    ("broker frozen for a moment", |context| one(context, Fault::Frozen, Duration::from_secs(1))),
    ("broker frozen", |context| one(context, Fault::Frozen, context.lasting(5_000, 20))),
    ("broker frozen for long", |context| one(context, Fault::Frozen, context.lasting(8_000, 60))),
    ("broker killed and restarted", |context| one(context, Fault::Killed, context.lasting(1_500, 20))),
    ("TCP cut for a moment", |context| one(context, Fault::Cut, Duration::from_millis(100))),
    ("TCP cut", |context| one(context, Fault::Cut, context.lasting(3_000, 20))),
    ("TCP black-holed", |context| one(context, Fault::Clogged, context.lasting(4_000, 40))),
    ("broker frozen, no spool", frozen_without_spool),
    ("topic deleted", topic_deleted),
    ("restarted with empty disks", empty_disks),
    ("clock jumps", clock_jumps),
    ("two at once", two_at_once),
];

fn one(context: &Context<'_>, fault: Fault, length: Duration) {
    let mut trial = context.begin(Plan::default());
    strike(&mut trial, fault, length);
    context.end(trial);
}

fn strike(trial: &mut Trial<'_>, fault: Fault, length: Duration) {
    fault.strike(trial);
    trial.pass(length);
    fault.lift(trial);
}

fn frozen_without_spool(context: &Context<'_>) {
    let mut trial = context.begin(Plan { spool: false, ..Plan::default() });
    strike(&mut trial, Fault::Frozen, context.lasting(3_000, 20));
    context.end(trial);
}

/// Earlier promises end.
fn topic_deleted(context: &Context<'_>) {
    let mut trial = context.begin(Plan::default());
    let (kafka, topic) = (context.cluster.kafka.bootstrap(), trial.topic("sms.sent"));
    trial.until("the topic", |_| consume::topic_partitions(kafka, &topic).is_some());
    consume::request_deletion(kafka, &topic);
    trial.waive(Some("sms.sent"));
    trial.until("the topic once more", |_| consume::topic_partitions(kafka, &topic).is_some());
    trial.pass(Duration::from_secs(2));
    context.end(trial);
}

/// Also deletes the cluster's memory of producers.
fn empty_disks(context: &Context<'_>) {
    let mut trial = context.begin(Plan::default());
    context.cluster.kafka.kill();
    trial.waive(None);
    trial.pass(context.lasting(2_500, 10));
    context.cluster.kafka.restart_empty();
    context.end(trial);
}

/// Kafka allows a timestamp up to an hour ahead.
fn clock_jumps(context: &Context<'_>) {
    let clock = match Clock::build() {
        Ok(clock) => clock,
        Err(why) => return context.report_skipped(&why),
    };
    let environment = clock.environment().to_vec();
    let mut trial = context.begin(Plan { environment, ..Plan::default() });
    for jump in [3_000, -3_000] {
        clock.jump(jump);
        trial.until_more(Answer::Acked, 30);
        // Deadlines and circuits must not depend on the wall clock.
        context.cluster.kafka.freeze();
        trial.until_spooling(5);
        clock.jump(-jump);
        trial.pass(context.lasting(500, 5));
        context.cluster.kafka.thaw();
        trial.until_more(Answer::Acked, 30);
    }
    clock.jump(0);
    trial.note = " ±50 min".into();
    context.end(trial);
}

fn two_at_once(context: &Context<'_>) {
    let mut trial = context.begin(Plan::default());
    let mut rng = trial.rng.clone();
    let first = rng.choose(&fault::ALL);
    let others: Vec<Fault> = fault::ALL.into_iter().filter(|other| *other != first).collect();
    let mut both = [first, rng.choose(&others)];
    both.sort();
    trial.note = format!(" ({:?}, {:?})", both[0], both[1]);
    let length = |short, long| if context.is_long { long } else { short };
    both[0].strike(&mut trial);
    trial.pass(rng.millis(0, length(2_000, 10_000)));
    both[1].strike(&mut trial);
    trial.pass(rng.millis(500, length(3_000, 20_000)));
    both[0].lift(&mut trial);
    trial.pass(rng.millis(0, length(1_000, 10_000)));
    both[1].lift(&mut trial);
    context.end(trial);
}
