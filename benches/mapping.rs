//! What a mapping of 500 routes costs against one of 5: `cargo bench --bench mapping`.
//!
//! Bridges with either mapping run side by side on one Kafka and are loaded in turn by wrk; what counts
//! is the ratio, taken in one run. Exits with 1 if 500 routes cost more than a tenth of the throughput.

#[path = "../tests/it/kit/mod.rs"]
mod kit;

use kit::bridge::{Bridge, PATH};
use kit::kafka::Kafka;
use std::process::{Command, ExitCode};

/// Seconds of load for each mapping in each round.
const SECONDS: u64 = 5;
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 64;

/// The throughput that 500 routes must keep, of that of 5.
const LEAST: f64 = 0.9;

struct Mapping {
    name: &'static str,
    bridge: Bridge,
    /// Events a second, and CPU of the bridge for each in microseconds, by round.
    rates: Vec<f64>,
    costs: Vec<f64>,
}

fn main() -> ExitCode {
    if Command::new("wrk").arg("--version").output().is_err() {
        eprintln!("this benchmark loads the bridge with wrk, which is not here: apt-get install wrk");
        return ExitCode::from(2);
    }
    let mut mappings = [
        ("5 routes", spread(5)),
        ("500 routes over all types", spread(500)),
        ("500 routes for the one type, of which the last takes it", for_one_type(500)),
    ]
    .map(|(name, routes)| {
        let bridge = Bridge::serve(
            Kafka::shared().bootstrap(),
            &[&routes, "telemetry.log_filter=warn,justcall_kafka_bridge::cli::serve=info"],
        );
        Mapping { name, bridge, rates: Vec::new(), costs: Vec::new() }
    });
    for round in 0..=ROUNDS {
        for (at, mapping) in mappings.iter_mut().enumerate() {
            let (rate, cost) = load(&mapping.bridge, &format!("{round}-{at}"));
            eprintln!("round {round} of {ROUNDS}: {:>8.0}/s, {cost:.1} µs  {}", rate, mapping.name);
            // The first one makes topics and connections.
            if round > 0 {
                mapping.rates.push(rate);
                mapping.costs.push(cost);
            }
        }
    }
    report(&mappings)
}

/// Prints the table; fails where a mapping costs too much.
fn report(mappings: &[Mapping]) -> ExitCode {
    println!("| mapping | events/s | of 5 routes | (spread) | CPU each | of 5 routes |");
    println!("|---|---|---|---|---|---|");
    let mut is_met = true;
    for mapping in mappings {
        let ratios = |these: &[f64], those: &[f64]| -> Vec<f64> {
            let mut ratios: Vec<f64> = these.iter().zip(those).map(|(this, that)| this / that).collect();
            ratios.sort_by(f64::total_cmp);
            ratios
        };
        let rates = ratios(&mapping.rates, &mappings[0].rates);
        let costs = ratios(&mapping.costs, &mappings[0].costs);
        println!(
            "| {} | {:.0} | {:.2} | {:.2} to {:.2} | {:.1} µs | {:.2} |",
            mapping.name,
            middle(&mapping.rates),
            middle(&rates),
            rates[0],
            rates[rates.len() - 1],
            middle(&mapping.costs),
            middle(&costs),
        );
        is_met &= middle(&rates) >= LEAST;
    }
    if is_met {
        ExitCode::SUCCESS
    } else {
        eprintln!("missed: 500 routes must keep {LEAST} of the throughput of 5");
        ExitCode::FAILURE
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The types that routes are spread over; the load is of the first.
const TYPES: [&str; 5] = ["call.completed", "call.missed", "sms.received", "sms.sent", "contact.updated"];

/// Routes by agent over all types, and one behind them for what is sent.
fn spread(routes: usize) -> String {
    let by_agent = (1..routes).map(|at| route(TYPES[at % TYPES.len()], 1000 + at));
    list(by_agent.chain([route(TYPES[0], 4999)]))
}

/// Routes by agent for the type that is sent, of which the last one takes it.
fn for_one_type(routes: usize) -> String {
    list((1..routes).map(|at| route(TYPES[0], 1000 + at)).chain([route(TYPES[0], 4999)]))
}

fn route(event: &str, agent: usize) -> String {
    let topic = format!("mapping.{event}");
    format!(r#"{{"match":"{event}","when":{{"/data/agent_id":{agent}}},"topics":"{topic}"}}"#)
}

fn list(routes: impl Iterator<Item = String>) -> String {
    format!("routes=[{}]", routes.collect::<Vec<_>>().join(","))
}

/// Loads a bridge for a while. Events a second, and CPU for each in microseconds.
fn load(bridge: &Bridge, run: &str) -> (f64, f64) {
    let before = cpu_micros(bridge.process.pid());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/webhooks.lua");
    let (connections, seconds) = (format!("-c{CONNECTIONS}"), format!("-d{SECONDS}s"));
    let url = format!("http://{}{PATH}", bridge.ingress);
    let output = Command::new("wrk")
        .args(["-t1", &connections, &seconds, "-s", script, &url, "--", run])
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let figures: Vec<f64> = result
        .unwrap_or_else(|| panic!("{text}"))
        .split(' ')
        .map(|each| each.parse().expect("a number"))
        .collect();
    let [requests, micros, errors] = figures[..] else { panic!("{text}") };
    assert!(errors == 0.0 && requests > 0.0, "not every event was answered 200:\n{text}");
    let spent = cpu_micros(bridge.process.pid()) - before;
    (requests / micros * 1e6, spent / requests)
}

/// What the kernel has counted for a process: ticks of its own and of the kernel for it.
fn cpu_micros(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process that runs");
    let behind_name = stat.rsplit(')').next().expect("its name ends");
    let ticks: Vec<f64> =
        behind_name.split_whitespace().skip(11).take(2).map(|each| each.parse().expect("ticks")).collect();
    // A tick is a hundredth of a second on every Linux that this runs on.
    ticks.iter().sum::<f64>() * 10_000.0
}
