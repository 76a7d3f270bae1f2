//! `check`: checks the settings, this machine and the Kafka cluster.
//!
//! Disk and broker checks run on their own threads, because they may never return. When the time is up, the
//! report contains the findings so far. Pure functions judge the collected facts.

mod cluster;
mod deadline;
mod disk;
mod fields;
mod files;
mod finding;
mod new_topic;
mod ports;
mod servers;
mod topic;
mod write_probe;

use super::{BAD_SETTINGS, SettingsArgs, ended, printed};
use crate::app;
use crate::config::{OpenDoor, Problem, Problems, Settings};
use crate::{terminal, topics};
use deadline::Work;
use finding::{Finding, Tally};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Check the settings, this machine and the Kafka cluster, and tell what to do about each trouble.
///
/// One line for each thing: `ok`, `warning`, `failure`, or `skipped` where something else must be put
/// right first. Changes nothing, writes nothing to Kafka and takes 20 seconds at most. docs/CHECK.md
/// describes every check.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// The settings only, for CI: contact nobody, look at no disk and no port, read none of the files that
    /// they name.
    #[arg(long)]
    offline: bool,

    /// Also try to write to each topic, by records that a broker must refuse because they are too large.
    /// None is written.
    #[arg(long, conflicts_with = "offline")]
    probe: bool,

    /// Fail for warnings too.
    #[arg(long)]
    strict: bool,

    /// As JSON, for a script.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge check --config bridge.yaml
  justcall-bridge check --config bridge.yaml --probe --strict
  justcall-bridge check --config bridge.yaml --offline
  justcall-bridge check --config bridge.yaml --json | jq '.findings[] | select(.level != \"ok\")'

Exit codes: 0 nothing failed, 1 something outside of the settings failed, or with --strict
there is a warning, 2 the command line makes no sense, 78 the settings are bad.";

/// Longest time for the whole check, below the 20 s that `--help` promises.
const CHECK_TIMEOUT: Duration = Duration::from_secs(19);

/// Logs a warning for each setting of a route whose fields no sample of an accepted dialect has.
pub(super) fn log_fields(settings: &Settings) {
    for Finding { key, text, fix, .. } in fields::check(settings) {
        tracing::warn!(setting = key, "{text}: {}", fix.unwrap_or_default());
    }
}

/// Prints the report to stdout.
pub(super) fn run(args: Args) -> ExitCode {
    let deadline = Instant::now() + CHECK_TIMEOUT;
    let sources = if args.offline { args.settings.sources_on_paper() } else { args.settings.sources() };
    let checked = Settings::load_to_serve(&sources);
    let (findings, are_settings_bad) = match checked {
        Err(problems) => (bad_settings(problems, args.offline), true),
        Ok(settings) if args.offline => {
            let text = "valid; their files, this machine and Kafka were not checked";
            let findings = of_settings(text, &settings.open_doors(sources.file()));
            (findings.into_iter().chain(fields::check(&settings)).collect(), false)
        }
        Ok(settings) => {
            let doors = settings.open_doors(sources.file());
            (look_around(settings, doors, args.probe, deadline), false)
        }
    };
    let code = exit_code(Tally::of(&findings), are_settings_bad, args.strict);
    let mut out = terminal::stdout();
    let written = if args.json {
        finding::print_json(code == 0, &findings, &mut out)
    } else {
        finding::print(&findings, &mut out)
    };
    match ended(printed(written.and_then(|()| out.flush()))) {
        ExitCode::SUCCESS => ExitCode::from(code),
        failure => failure,
    }
}

fn exit_code(tally: Tally, are_settings_bad: bool, is_strict: bool) -> u8 {
    match tally {
        _ if are_settings_bad => BAD_SETTINGS,
        Tally { failures: 0, warnings: 0, .. } => 0,
        Tally { failures: 0, .. } if !is_strict => 0,
        _ => 1,
    }
}

fn bad_settings(Problems(problems): Problems, is_offline: bool) -> Vec<Finding> {
    let finding = |problem: Problem| {
        let text = problem.to_string();
        let text = text.strip_prefix(&problem.key).unwrap_or(&text).trim_start_matches(": ").to_owned();
        Finding::bad_setting(problem.key, text)
    };
    let mut findings: Vec<_> = problems.into_iter().map(finding).collect();
    if !is_offline {
        findings
            .push(Finding::skipped("kafka", "this machine and the cluster: put the settings right first"));
    }
    findings
}

fn of_settings(text: &str, doors: &[OpenDoor]) -> Vec<Finding> {
    let open = doors.iter().map(|OpenDoor { key, reason, fix }| Finding::warning(key, reason, fix));
    [Finding::ok("settings", text)].into_iter().chain(open).collect()
}

/// Checks the settings, this machine and the cluster.
fn look_around(settings: Settings, doors: Vec<OpenDoor>, probe: bool, deadline: Instant) -> Vec<Finding> {
    let (of_certificate, open): (Vec<_>, Vec<_>) = doors.into_iter().partition(files::is_about_certificate);
    let mut findings = of_settings("valid", &open);
    findings.extend(fields::check(&settings));
    let plan = plan(&settings, probe);
    let kafka = Work::begin("kafka", move |reporter| {
        let (report, next) = (|finding| reporter.report(finding), |what: &str| reporter.next(what));
        app::block_on(cluster::check(&plan, &report, &next));
    });
    let machine = Work::begin("machine", move |reporter| {
        let doors: Vec<_> = of_certificate.into_iter().chain(open).collect();
        let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0);
        files::check(&settings, &doors, now).into_iter().for_each(|finding| reporter.report(finding));
        let spool = &settings.spool;
        reporter.next("looking at the spool's disk");
        disk::check(spool.directory.as_deref(), spool.bytes_on_disk(), app::is_spool_in_use)
            .into_iter()
            .for_each(|finding| reporter.report(finding));
        ports::check(&settings).into_iter().for_each(|finding| reporter.report(finding));
    });
    findings.extend(deadline::finish([machine, kafka], deadline));
    findings
}

fn plan(settings: &Settings, probe: bool) -> cluster::Plan {
    // Contradicting routes are a settings error, which loading rejects.
    let topics = topics::of(settings).unwrap_or_default();
    let body = u64::try_from(settings.server.max_body_bytes).unwrap_or(u64::MAX);
    cluster::Plan {
        config: settings.kafka.clone(),
        topics: topics.iter().map(ToString::to_string).collect(),
        dead_letter: settings.ingest.dead_letter.topic.clone(),
        record: body.saturating_add(topic::MAX_KEY_AND_HEADERS_BYTES),
        spool: settings.spool.directory.as_ref().map(|_| settings.spool.max_bytes),
        window: settings.ingest.deduplication.window,
        probe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_distinguishes_bad_settings_failures_and_strict_warnings() {
        let tally = |warnings, failures| Tally { ok: 1, warnings, failures, skipped: 1 };
        for (tally, are_settings_bad, is_strict, code) in [
            (tally(0, 0), false, false, 0),
            (tally(0, 0), false, true, 0),
            (tally(2, 0), false, false, 0),
            (tally(2, 0), false, true, 1),
            (tally(0, 1), false, false, 1),
            (tally(0, 1), true, true, 78),
        ] {
            assert_eq!(exit_code(tally, are_settings_bad, is_strict), code, "{tally:?}");
        }
    }
}
