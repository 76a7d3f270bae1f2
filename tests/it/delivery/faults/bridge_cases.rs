use super::fault::Fault;
use super::trial::{Plan, Trial};
use super::{Case, Context};
use crate::kit::load::{Answer, Shape};
use crate::kit::proxy::Proxy;
use std::time::{Duration, Instant};

pub(super) const CASES: [Case; 6] = [
    ("bridge killed in direct state", |context| direct(context, Fault::BridgeKilled)),
    ("bridge killed while spooling", |context| spooling(context, Fault::BridgeKilled)),
    ("bridge killed while draining", |context| draining(context, Fault::BridgeKilled)),
    ("SIGTERM in direct state", |context| direct(context, Fault::BridgeStopped)),
    ("SIGTERM while spooling", |context| spooling(context, Fault::BridgeStopped)),
    ("SIGTERM while draining", |context| draining(context, Fault::BridgeStopped)),
];

fn direct(context: &Context<'_>, end: Fault) {
    let mut trial = context.begin(Plan::default());
    for _ in 0..if context.is_long { 5 } else { 2 } {
        end.strike(&mut trial);
        trial.start_bridge();
        trial.until_more(Answer::Acked, 30);
    }
    context.end(trial);
}

fn spooling(context: &Context<'_>, end: Fault) {
    let mut trial = context.begin(Plan::default());
    context.cluster.kafka.freeze();
    trial.until_spooling(40);
    end.strike(&mut trial);
    trial.start_bridge();
    trial.until_spooling(40);
    trial.pass(context.lasting(0, 10));
    context.cluster.kafka.thaw();
    context.end(trial);
}

/// A slow connection prolongs the drain.
fn draining(context: &Context<'_>, end: Fault) {
    let shape = Shape { senders: 8, pause: Duration::from_millis(15), body_bytes: 3_000 };
    let mut trial = context.begin(Plan { shape, ..Plan::default() });
    context.cluster.kafka.freeze();
    trial.until_spooling(if context.is_long { 5_000 } else { 600 });
    context.cluster.proxies().iter().for_each(Proxy::slow);
    context.cluster.kafka.thaw();
    if trial.has_spool() {
        let is_caught = await_drain(&trial);
        trial.note = if is_caught { String::new() } else { " (the drain was over too soon)".into() };
    }
    end.strike(&mut trial);
    context.cluster.proxies().iter().for_each(Proxy::pass);
    trial.start_bridge();
    context.end(trial);
}

fn await_drain(trial: &Trial<'_>) -> bool {
    let before = trial.bridge().metric_sum("spool_drained_total");
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if trial.bridge().metric_sum("spool_drained_total") > before {
            return trial.bridge().metric_sum("spool_rows") > 0.0;
        }
        trial.pass(Duration::from_millis(5));
    }
    false
}
