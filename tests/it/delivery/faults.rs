//! Durability and order under faults.
//!
//! `cargo test` runs a short round, `cargo test --release --test it -- --ignored soak` long rounds with random seeds.
//! `FAULT_SEED` repeats one, `FAULT_CASE` selects cases by a part of their name, `FAULT_ROUNDS` sets the number of
//! rounds.

mod bridge_cases;
mod disk_cases;
mod fault;
mod file_cases;
mod kafka_cases;
mod proxied_cluster;
mod three_broker_cases;
mod trial;

use crate::kit::verdict::HEADING;
use proxied_cluster::ProxiedCluster;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
pub(crate) use trial::print_line;
use trial::{Moment, Plan, Trial};

type Case = (&'static str, fn(&Context<'_>));

struct Context<'a> {
    cluster: &'a ProxiedCluster,
    name: &'static str,
    moment: Moment,
    seed: u64,
    is_long: bool,
}

impl<'a> Context<'a> {
    fn begin(&self, plan: Plan) -> Trial<'a> {
        Trial::begin(self.cluster, plan, self.moment, self.seed, self.is_long)
    }

    fn end(&self, trial: Trial<'_>) {
        trial.end(&format!("{} | {} | {:?}", self.name, self.seed, self.moment));
    }

    fn report_skipped(&self, why: &str) {
        print_line(&format!(
            "| {} | {} | {:?} | NOT RUN: {} |",
            self.name,
            self.seed,
            self.moment,
            why.trim()
        ));
    }

    fn lasting(&self, short_millis: u64, long_seconds: u64) -> Duration {
        if self.is_long { Duration::from_secs(long_seconds) } else { Duration::from_millis(short_millis) }
    }
}

const SHORT_SEED: u64 = 20_260_312;

#[test]
fn kafka_fails_and_nothing_promised_is_lost_or_overtaken() {
    round(&ProxiedCluster::start(1), &kafka_cases::CASES, seed(), false);
}

#[test]
fn bridge_ends_and_nothing_promised_is_lost_or_overtaken() {
    let cluster = ProxiedCluster::start(1);
    round(&cluster, &bridge_cases::CASES, seed(), false);
    round(&cluster, &file_cases::CASES, seed(), false);
}

#[test]
fn disk_fails_and_nothing_promised_is_lost_or_overtaken() {
    round(&ProxiedCluster::start(1), &disk_cases::CASES, seed(), false);
}

#[test]
fn one_or_two_of_three_brokers_fail_and_nothing_promised_is_lost_or_overtaken() {
    round(&ProxiedCluster::start(3), &three_broker_cases::CASES, seed(), false);
}

#[test]
#[ignore = "takes an hour; CI runs the short round"]
fn soak() {
    let rounds = number("FAULT_ROUNDS").unwrap_or(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let single = ProxiedCluster::start(1);
    for number in 0..rounds {
        let seed = self::number("FAULT_SEED").unwrap_or(now) + number;
        print_line(&format!("round {} of {rounds}: FAULT_SEED={seed}", number + 1));
        for cases in [&kafka_cases::CASES[..], &bridge_cases::CASES, &file_cases::CASES, &disk_cases::CASES] {
            round(&single, cases, seed, true);
        }
        round(&ProxiedCluster::start(3), &three_broker_cases::CASES, seed, true);
    }
}

fn round(cluster: &ProxiedCluster, cases: &[Case], seed: u64, is_long: bool) {
    print_line(&format!("| case | seed | moment {HEADING}"));
    let wanted = std::env::var("FAULT_CASE").unwrap_or_default();
    let mut failed = Vec::new();
    for (name, run) in cases.iter().filter(|(name, _)| name.contains(&wanted)) {
        for moment in [Moment::Early, Moment::Steady] {
            let context = Context { cluster, name, moment, seed, is_long };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&context))) {
                print_line(&format!("| {name} | {seed} | {moment:?} | FAILED |"));
                failed.push((format!("{name}, {moment:?}, FAULT_SEED={seed}"), panic_message(&*panic)));
            }
            cluster.end_faults();
        }
    }
    // Printed last, near the line that names the failed test.
    for (case, why) in &failed {
        print_line(&format!("FAILED: {case}: {}", shortened(why, REASON_CHARACTERS)));
    }
    let whole: Vec<String> = failed.iter().map(|(case, why)| format!("{case}: {why}")).collect();
    assert!(whole.is_empty(), "cases failed:\n{}", whole.join("\n\n"));
}

const REASON_CHARACTERS: usize = 600;

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

fn shortened(text: &str, characters: usize) -> String {
    let shortened: Vec<&str> = text.split_whitespace().collect();
    shortened.join(" ").chars().take(characters).collect()
}

fn seed() -> u64 {
    number("FAULT_SEED").unwrap_or(SHORT_SEED)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
