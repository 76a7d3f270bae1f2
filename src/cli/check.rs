//! `check`: whether the settings are right, and what they leave open.

use super::{BAD_SETTINGS, SettingsArgs};
use crate::config::{OpenDoor, Problem, Problems, Settings};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

/// Check the settings and the files that they name, and tell every door that they leave open.
///
/// Contacts nobody. Exits with 0 where `serve` would start with these settings, open doors or not, and
/// with 78 where it would not.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// As JSON, for a script.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge check --config bridge.yaml
  justcall-bridge check --config bridge.yaml --json | jq '.findings[] | select(.level == \"warning\")'";

/// One line of the report.
struct Finding {
    level: &'static str,
    key: String,
    text: String,
}

/// Prints the report to stdout.
pub(super) fn run(args: Args) -> ExitCode {
    let checked = Settings::load_to_serve(&args.settings.sources());
    let is_good = checked.is_ok();
    let findings = match checked {
        Ok(settings) => open(settings.open_doors()),
        Err(problems) => failures(problems),
    };
    // Whoever closed stdout does not want the rest.
    let _ = if args.json { print_json(is_good, &findings) } else { print(is_good, &findings) };
    if is_good { ExitCode::SUCCESS } else { ExitCode::from(BAD_SETTINGS) }
}

fn open(doors: Vec<OpenDoor>) -> Vec<Finding> {
    let finding = |OpenDoor { key, reason }| Finding { level: "warning", key, text: reason };
    doors.into_iter().map(finding).collect()
}

fn failures(Problems(problems): Problems) -> Vec<Finding> {
    let finding = |problem: Problem| {
        let text = problem.to_string();
        let text = text.strip_prefix(&problem.key).unwrap_or(&text).trim_start_matches(": ").to_owned();
        Finding { level: "failure", key: problem.key, text }
    };
    problems.into_iter().map(finding).collect()
}

fn print(is_good: bool, findings: &[Finding]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Finding { level, key, text } in findings {
        writeln!(out, "{level:<8} {key}: {text}")?;
    }
    let verdict = match (is_good, findings.len()) {
        (false, 1) => "failure  the settings have a problem: serve would not start".to_owned(),
        (false, number) => format!("failure  the settings have {number} problems: serve would not start"),
        (true, 0) => "ok       the settings are right, and leave no door open".to_owned(),
        (true, 1) => "ok       the settings are right, and leave one door open".to_owned(),
        (true, number) => format!("ok       the settings are right, and leave {number} doors open"),
    };
    writeln!(out, "{verdict}")
}

fn print_json(is_good: bool, findings: &[Finding]) -> io::Result<()> {
    let line = |Finding { level, key, text }: &Finding| json!({ "level": level, "key": key, "text": text });
    let findings: Vec<Value> = findings.iter().map(line).collect();
    writeln!(io::stdout().lock(), "{:#}", json!({ "ok": is_good, "findings": findings }))
}
