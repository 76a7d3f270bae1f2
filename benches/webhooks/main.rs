//! Cost of a webhook compared with the baseline (`benches/floor.rs`), on one real Kafka: started by `benches/run`.
//!
//! The Markdown tables are those of docs/explanation/performance.md. Exits with 1 if a goal is missed.

mod bench;
mod cases;
#[path = "../gauge/mod.rs"]
mod gauge;
mod goals;
#[path = "../../tests/it/kit/mod.rs"]
mod kit;
mod page;
mod results;

use bench::Bench;
use cases::{CASES, Case};
use clap::Parser;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "benches/run")]
struct Args {
    /// Only this case; repeatable
    #[arg(long, value_name = "NAME", value_parser = case)]
    case: Vec<&'static Case>,
    /// Number of measurements of each pair
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds of load of a measurement
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// One round of two seconds, as a test of the benchmark
    #[arg(long)]
    quick: bool,
    /// Write all measurements to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables into a page, between its two marks
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Argument that cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let (rounds, seconds) = if args.quick { (1, 2) } else { (args.rounds.max(1), args.seconds.max(1)) };
    let usual = CASES.iter().filter(|case| case.is_usual);
    let cases = if args.case.is_empty() { usual.collect() } else { args.case };
    let bench = Bench::new(rounds, seconds);
    // A failed case does not discard the figures of others; its error is on standard error.
    let failed = cases.iter().filter(|case| catch_unwind(AssertUnwindSafe(|| (case.run)(&bench))).is_err());
    let failed: Vec<_> = failed.map(|case| format!("{}: it could not be measured", case.name)).collect();
    let results = bench.into_results();
    let tables = format!("{}\n\n{}", page::measured_on(rounds, seconds), results.markdown());
    println!("{tables}");
    if let Some(file) = args.json {
        let json = serde_json::to_string_pretty(&results).expect("figures are JSON");
        fs::write(&file, json).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    if let Some(file) = args.page {
        page::refresh(&file, &tables);
    }
    let missed = [failed, results.missed()].concat();
    missed.iter().for_each(|goal| eprintln!("missed: {goal}"));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn case(name: &str) -> Result<&'static Case, String> {
    CASES.iter().find(|case| case.name == name).ok_or_else(|| {
        let names: Vec<_> = CASES.iter().map(|case| format!("  {:<12} {}", case.name, case.about)).collect();
        format!("there are these cases:\n{}", names.join("\n"))
    })
}
