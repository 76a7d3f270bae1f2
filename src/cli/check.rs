//! `check`: checks the settings, this machine and the Kafka cluster.

use super::{BAD_SETTINGS, SettingsArgs, ended, printed};
use crate::diagnostics::{self, Diagnosis, Extent, FindingCounts};
use crate::terminal;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Check the settings, this machine and the Kafka cluster, and print a remedy for each problem.
///
/// Each line is `ok`, `warning`, `failure`, or `skipped` if another problem must be solved first. Changes
/// nothing, writes nothing to Kafka and takes at most 20 seconds.
/// docs/reference/check.md describes every check.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Check the settings only, as in CI: no network, disk or port, and no file that the settings name.
    #[arg(long)]
    offline: bool,

    /// Also try to write to each topic, by records that a broker must refuse: of an impossible time, or too
    /// large. None is written.
    #[arg(long, conflicts_with = "offline")]
    probe: bool,

    /// Exit with 1 for warnings too.
    #[arg(long)]
    strict: bool,

    /// Print JSON.
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
there is a warning, 2 invalid command line, 78 invalid settings.";

/// Below the 20 s that `--help` promises.
const CHECK_TIMEOUT: Duration = Duration::from_secs(19);

pub(super) fn run(args: Args) -> ExitCode {
    let deadline = Instant::now() + CHECK_TIMEOUT;
    let (sources, extent) = if args.offline {
        (args.settings.sources_on_paper(), Extent::Offline)
    } else {
        (args.settings.sources(), Extent::Whole { probe: args.probe })
    };
    let line = progress_line(extent);
    let on_step = |step: &str| line.set_message(step.to_owned());
    let Diagnosis { findings, are_settings_bad } = diagnostics::check(&sources, extent, deadline, &on_step);
    line.finish_and_clear();
    let code = exit_code(FindingCounts::of(&findings), are_settings_bad, args.strict);
    let mut out = terminal::stdout();
    let written = if args.json {
        diagnostics::print_json(code == 0, &findings, &mut out)
    } else {
        diagnostics::print(&findings, &mut out)
    };
    match ended(printed(written.and_then(|()| out.flush()))) {
        ExitCode::SUCCESS => ExitCode::from(code),
        failure => failure,
    }
}

fn progress_line(extent: Extent) -> ProgressBar {
    if extent == Extent::Offline {
        return ProgressBar::hidden();
    }
    let line = ProgressBar::with_draw_target(None, terminal::progress_target());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        line.set_style(style);
    }
    line.enable_steady_tick(Duration::from_millis(100));
    line
}

fn exit_code(tally: FindingCounts, are_settings_bad: bool, is_strict: bool) -> u8 {
    match tally {
        _ if are_settings_bad => BAD_SETTINGS,
        FindingCounts { failures: 0, warnings: 0, .. } => 0,
        FindingCounts { failures: 0, .. } if !is_strict => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_distinguishes_bad_settings_failures_and_strict_warnings() {
        let tally = |warnings, failures| FindingCounts { ok: 1, warnings, failures, skipped: 1 };
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
