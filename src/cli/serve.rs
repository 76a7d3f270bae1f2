//! `serve`: runs the bridge for a Kafka cluster.

use super::{Failure, SettingsArgs, print};
use crate::app::signals::{self, WorkError};
use crate::app::{self, App, StopReport};
use crate::config::{AccessExtent, Settings, print_config};
use crate::{diagnostics, telemetry};

/// Receive webhooks and write them to a Kafka cluster.
///
/// Reads its settings file again when it changes, and on SIGHUP. New routes, templates, `unknown_events`,
/// `topics` and `sources.*.validation` are applied together without a restart. Other changes are logged and
/// need a restart. Invalid settings are refused, and the previous ones stay in force.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) settings: SettingsArgs,

    /// Print the settings in force, without secrets, and exit.
    #[arg(long)]
    pub(super) print_config: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge serve --config bridge.yaml
  justcall-bridge serve --set kafka.bootstrap_servers=localhost:9092 --set sources.main.signature.required=false
  JUSTCALL_BRIDGE__SOURCES__MAIN__SIGNATURE__SECRETS=SECRET justcall-bridge serve";

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let sources = args.settings.sources();
    if args.print_config {
        return print(&print_config(&Settings::load(&sources)?).to_string());
    }
    let settings = Settings::load_to_serve(&sources)?;
    telemetry::init(&settings.telemetry)?;
    app::block_on(async {
        let (first, second) = signals::listen()?;
        let hangups = signals::hangups()?;
        let bootstrap_servers = settings.kafka.bootstrap_servers.clone();
        if settings.spool.directory.is_none() {
            tracing::warn!(
                "spool.directory is not set: while Kafka does not acknowledge, events are refused, and lost \
                 when JustCall stops retrying"
            );
        }
        for warning in settings.security_warnings(sources.file(), AccessExtent::Owners) {
            tracing::warn!(setting = warning.key, "{}: {}", warning.reason, warning.fix);
        }
        diagnostics::log_fields(&settings);
        let tls = settings.server.tls.certificate.is_some();
        let app = App::build(settings, Some(sources))?;
        if let Some(reload) = app.reload_handle() {
            hangups.each(move || reload.request());
        }
        let addresses = app.addresses();
        tracing::info!(
            ingress = %addresses.ingress,
            tls,
            admin = %addresses.admin,
            kafka = bootstrap_servers,
            "serving"
        );
        tokio::select! {
            report = app.run_until(first) => match report {
                StopReport { is_spool_closed: false, .. } => Err(Failure::SpoolNotClosed),
                StopReport { left: 0, .. } => Ok(()),
                StopReport { left, .. } => Err(Failure::Left(left)),
            },
            () = second => Err(WorkError::Interrupted.into()),
        }
    })
}
