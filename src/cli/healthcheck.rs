//! `healthcheck`: checks a running bridge, for callers that run commands instead of sending HTTP requests.

use super::{Failure, SettingsArgs};
use crate::config::Settings;
use crate::diagnostics;
use std::time::Duration;

/// Check that the bridge on this machine is ready.
///
/// Requests /readyz from the admin listener of the settings. For images without a shell; Kubernetes probes over
/// HTTP and needs no command.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Request /livez: check only that the process responds.
    #[arg(long)]
    live: bool,

    /// Timeout for the whole response.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge healthcheck
  justcall-bridge healthcheck --live --timeout 1s --set admin.listen=127.0.0.1:9081

In compose.yaml:
  healthcheck: { test: [\"CMD\", \"/usr/local/bin/justcall-bridge\", \"healthcheck\"] }

Exit codes: 0 yes, 1 no or no answer, 2 invalid command line, 78 invalid settings.";

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let page = if args.live { "livez" } else { "readyz" };
    let admin = Settings::load(&args.settings.sources_on_paper())?.admin.listen;
    diagnostics::request_health(admin, page, args.timeout).map_err(Failure::Failed)
}
