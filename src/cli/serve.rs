//! `serve`: the bridge in front of a Kafka cluster.

use super::{Failure, signals};
use crate::app::{self, App};
use crate::config::{Settings, SettingsFile, Sources, print_config};
use crate::telemetry;
use std::path::PathBuf;

/// Receive webhooks and write them to a Kafka cluster.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Settings file. Without it: config/bridge.yaml or /etc/justcall-bridge/bridge.yaml, if there.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// A setting that goes before the file and the environment. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::key_value)]
    pub(super) set: Vec<String>,

    /// Print the settings in effect, secrets left out, and exit.
    #[arg(long)]
    pub(super) print_config: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge serve --config bridge.yaml
  justcall-bridge serve --set kafka.bootstrap_servers=localhost:9092
  JUSTCALL_BRIDGE__KAFKA__BOOTSTRAP_SERVERS=localhost:9092 justcall-bridge serve";

/// Runs until a signal ends it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let settings = Settings::load(&Sources {
        file: args.config.map_or(SettingsFile::Usual, SettingsFile::At),
        environment: super::environment(),
        flags: args.set,
    })?;
    if args.print_config {
        print!("{}", print_config(&settings));
        return Ok(());
    }
    telemetry::init(&settings.telemetry)?;
    app::block_on(async {
        let (first, second) = signals::listen()?;
        let bootstrap_servers = settings.kafka.bootstrap_servers.clone();
        if settings.spool.directory.is_none() {
            tracing::warn!(
                "spool.directory is not set: while Kafka does not acknowledge, events are refused, and lost once JustCall gives up retrying"
            );
        }
        let tls = settings.server.tls.certificate.is_some();
        let app = App::build(settings)?;
        let addresses = app.addresses();
        tracing::info!(
            ingress = %addresses.ingress,
            tls,
            admin = %addresses.admin,
            kafka = bootstrap_servers,
            "serving"
        );
        tokio::select! {
            report = app.run_until(first) => match report.left {
                0 => Ok(()),
                left => Err(Failure::Left(left)),
            },
            () = second => Err(Failure::Interrupted),
        }
    })
}
