//! The command line: one file for each command.
//!
//! Exit codes, the same for every command: 0 it worked, 1 it failed, 2 the command line makes no
//! sense, 78 the settings are bad.

mod check;
mod completions;
mod dead_letters;
mod dev;
mod files;
mod healthcheck;
mod output;
mod replay;
mod route;
mod schema;
mod send;
mod serve;
mod signals;
mod spool;
mod tail;
mod topics;

#[cfg(test)]
mod tests;

use crate::config::{Files, Settings, SettingsFile, Sources};
use crate::{app, config, kafka, telemetry};
use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// The exit code for bad settings: `EX_CONFIG` of sysexits.h.
pub const BAD_SETTINGS: u8 = 78;

/// Receives JustCall webhooks and writes each to Apache Kafka, durably, in order and unchanged.
#[derive(Debug, Parser)]
#[command(name = "justcall-bridge", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Route(route::Args),
    Topics(topics::Args),
    Tail(tail::Args),
    DeadLetters(dead_letters::Args),
    Replay(replay::Args),
    Spool(spool::Args),
    Schema(schema::Args),
    Dev(dev::Args),
    Send(send::Args),
    Healthcheck(healthcheck::Args),
    Completions(completions::Args),
}

const EXAMPLES: &str = "\
Try it: run `justcall-bridge dev` in one terminal and `justcall-bridge send --all` in another.

Exit codes: 0 it worked, 1 it failed, 2 the command line makes no sense, 78 the settings are bad.";

/// Runs the command that `args` name; the first of them is the program's own name.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let code = run_command(args);
    telemetry::flush();
    code
}

fn run_command(args: impl Iterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(args) {
        Ok(Cli { command: Command::Serve(args) }) => ended(serve::run(args)),
        Ok(Cli { command: Command::Check(args) }) => check::run(args),
        Ok(Cli { command: Command::Dev(args) }) => ended(dev::run(args)),
        Ok(Cli { command: Command::Spool(args) }) => ended(spool::run(args)),
        Ok(Cli { command: Command::Send(args) }) => send::run(&args),
        Ok(Cli { command: Command::Topics(args) }) => topics::run(args),
        Ok(Cli { command: Command::Tail(args) }) => ended(tail::run(args)),
        Ok(Cli { command: Command::DeadLetters(args) }) => dead_letters::run(args),
        Ok(Cli { command: Command::Replay(args) }) => replay::run(args),
        Ok(Cli { command: Command::Route(args) }) => ended(route::run(args)),
        Ok(Cli { command: Command::Schema(args) }) => ended(schema::run(args)),
        Ok(Cli { command: Command::Healthcheck(args) }) => ended(healthcheck::run(args)),
        Ok(Cli { command: Command::Completions(args) }) => ended(completions::run(&args)),
        Err(error) => explain(&error),
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The settings are bad: all that is wrong with them.
    #[error("{0}")]
    Settings(#[from] config::Problems),
    /// The bridge cannot start.
    #[error(transparent)]
    Start(#[from] app::Error),
    /// The embedded broker cannot start or be read.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The system refuses a thread or a signal handler.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// Logging cannot start.
    #[error(transparent)]
    Logging(#[from] telemetry::LogError),
    /// Records were not acknowledged when the time to stop was up; the log has said so.
    #[error("{0} records were left when the bridge stopped")]
    Left(usize),
    /// A command about the spool where the settings name none.
    #[error("spool.directory is not set: there is no spool; or name one with --directory")]
    NoSpool,
    /// The spool cannot be read; the error says so itself.
    #[error("{0}. Of a damaged file `serve` saves what it can when it starts, and keeps the file")]
    Spool(String),
    /// The export is not complete.
    #[error("{0} records are damaged and were left out")]
    Damaged(u64),
    /// Stdout takes no more.
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
    /// The command could not do what it was asked for: what, where and what to do, in a line.
    #[error("{0}")]
    Failed(String),
    /// A second signal did not wait for the first one's work.
    #[error("ended by a second signal before everything was finished")]
    Interrupted,
}

/// Says why a command failed, and how it ends.
fn ended(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    output::last_note(&format!("error: {failure}"));
    match failure {
        Failure::Settings(_)
        | Failure::NoSpool
        | Failure::Start(app::Error::Kafka(kafka::Error::Client(_)) | app::Error::Secrets(_))
        | Failure::Kafka(kafka::Error::Client(_)) => ExitCode::from(BAD_SETTINGS),
        _ => ExitCode::FAILURE,
    }
}

/// Ends a command whose arguments are each well-formed and make no sense together.
fn usage_error(message: &str) -> ExitCode {
    explain(&Cli::command().error(ErrorKind::ArgumentConflict, message))
}

/// Prints help to stdout, an error to stderr.
fn explain(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        output::usage(error);
    } else {
        let printed = output::written(error.print().and_then(|()| std::io::stdout().flush()));
        if printed.is_err() {
            return ended(printed);
        }
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// Where a command's settings come from.
#[derive(Debug, Default, clap::Args)]
struct SettingsArgs {
    /// Settings file. Without it: config/bridge.yaml or /etc/justcall-bridge/bridge.yaml, if there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A setting that goes before the file and the environment. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingsArgs {
    fn sources(self) -> Sources {
        Sources {
            file: self.config.map_or(SettingsFile::Usual, SettingsFile::At),
            environment: environment(),
            flags: self.set,
            files: Files::All,
        }
    }

    /// For a command that talks to Kafka and needs none of JustCall's secrets.
    fn sources_for_kafka(self) -> Sources {
        Sources { files: Files::OfKafka, ..self.sources() }
    }

    /// For a command that only says what the settings mean.
    fn sources_on_paper(self) -> Sources {
        Sources { files: Files::None, ..self.sources() }
    }

    /// The settings for a command whose output a person reads: logs only warn, unless `--set` says
    /// otherwise.
    fn load_quietly(mut self) -> Result<Settings, Failure> {
        self.set.insert(0, "telemetry.log_filter=warn".to_owned());
        let settings = Settings::load(&self.sources_for_kafka())?;
        telemetry::init(&settings.telemetry)?;
        Ok(settings)
    }
}

/// Returns the environment.
fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}
