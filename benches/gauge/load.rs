//! Load by wrk in a closed loop, by oha in an open one.

use super::events::Events;
use super::process::cpu_micros;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/webhooks.lua");

#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) path: &'a str,
}

#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Sample {
    pub(crate) requests: f64,
    pub(crate) rate: f64,
    /// Microseconds of the server for each request.
    pub(crate) cpu: f64,
    /// In milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Ok,
    Rejected,
}

pub(crate) fn closed_loop(
    target: Target<'_>,
    events: &Events,
    connections: usize,
    seconds: u64,
    answers: Answers,
) -> Sample {
    let before = cpu_micros(target.pid);
    let output = Command::new("wrk")
        .args(["-t1", "--timeout", "30s", &format!("-c{connections}"), &format!("-d{seconds}s")])
        .args(["-s", SCRIPT, &format!("http://{}{}", target.address, target.path), "--"])
        .arg(events.script())
        .args([next_mark().to_string(), events.distinct.to_string()])
        .output()
        .expect("wrk runs");
    let cpu = cpu_micros(target.pid) - before;
    let text = combined_output(&output);
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let figures = result.unwrap_or_else(|| panic!("wrk printed no result:\n{text}")).split(' ');
    let figures: Vec<f64> = figures.map(|each| each.parse().expect("a number")).collect();
    let [requests, micros, refused, broken, p50, p99] = figures[..] else { panic!("{text}") };
    let expected = if answers == Answers::Rejected { requests } else { 0.0 };
    assert!(requests > 0.0 && broken == 0.0 && refused == expected, "some answers are wrong:\n{text}");
    Sample { requests, rate: requests / micros * 1e6, cpu: cpu / requests, p50: p50 / 1e3, p99: p99 / 1e3 }
}

/// Includes the wait for a free connection in the latency.
pub(crate) fn open_loop(
    target: Target<'_>,
    events: &Events,
    rate: f64,
    connections: usize,
    seconds: u64,
) -> Sample {
    // oha draws bodies at random from a list, which is long so that few repeat.
    let count = ((rate * seconds as f64) as u64 * 20).min(1_000_000);
    let bodies = events.lines(u64::from(next_mark()) * 100_000_000_000, count);
    let before = cpu_micros(target.pid);
    let output = Command::new("oha")
        .args(["--no-tui", "--output-format", "json", "--latency-correction", "-w"])
        .args(["-q", &format!("{rate:.0}"), "-c", &connections.to_string(), "-z", &format!("{seconds}s")])
        .args(["-m", "POST", "-T", "application/json", "-Z"])
        .arg(bodies)
        .arg(format!("http://{}{}", target.address, target.path))
        .output()
        .expect("oha runs");
    let cpu = cpu_micros(target.pid) - before;
    let text = combined_output(&output);
    let json: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let number = |pointer: &str| json.pointer(pointer).and_then(serde_json::Value::as_f64);
    let requests = number("/statusCodeDistribution/200").unwrap_or_else(|| panic!("no answer:\n{text}"));
    let all = json["statusCodeDistribution"].as_object().map_or(0, serde_json::Map::len);
    let broken = json["errorDistribution"].as_object().map_or(0, serde_json::Map::len);
    assert!(all == 1 && broken == 0, "some answers are wrong:\n{text}");
    let millis = |name: &str| number(&format!("/latencyPercentiles/{name}")).expect("a percentile") * 1e3;
    let total = number("/summary/total").expect("a duration");
    Sample { requests, rate: requests / total, cpu: cpu / requests, p50: millis("p50"), p99: millis("p99") }
}

/// Returns four digits that no other load of this process has.
fn next_mark() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn combined_output(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
