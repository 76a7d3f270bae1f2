//! Command line, one file for each command.
//!
//! Exit codes: 0 success, 1 failure, 2 invalid command line, 78 invalid settings.

mod check;
mod completions;
mod dead_letters;
mod dev;
mod healthcheck;
mod replay;
mod route;
mod schema;
mod send;
mod serve;
mod spool;
mod tail;
mod topics;
mod usage;

use crate::app::signals::WorkError;
use crate::config::{ReferencedFiles, Settings, SettingsFile, SettingsInput};
use crate::routing::InvalidRoutes;
use crate::{app, config, kafka, telemetry, terminal};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use usage::{explain, usage_error};

/// `EX_CONFIG` of sysexits.h.
pub(crate) const BAD_SETTINGS: u8 = 78;

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

Exit codes: 0 success, 1 failure, 2 invalid command line, 78 invalid settings.";

/// Runs the command of `args`, which begin with the program's name.
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
        Ok(Cli { command: Command::Send(args) }) => send::run(args),
        Ok(Cli { command: Command::Topics(args) }) => topics::run(args),
        Ok(Cli { command: Command::Tail(args) }) => ended(tail::run(args)),
        Ok(Cli { command: Command::DeadLetters(args) }) => dead_letters::run(args),
        Ok(Cli { command: Command::Replay(args) }) => replay::run(args),
        Ok(Cli { command: Command::Route(args) }) => ended(route::run(args)),
        Ok(Cli { command: Command::Schema(args) }) => ended(schema::run(args)),
        Ok(Cli { command: Command::Healthcheck(args) }) => ended(healthcheck::run(args)),
        Ok(Cli { command: Command::Completions(args) }) => ended(completions::run(&args)),
        Err(error) => explain(error),
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Settings(#[from] config::SettingErrors),
    #[error(transparent)]
    Start(#[from] app::Error),
    /// The routes contradict each other. Loaded settings were checked before.
    #[error(transparent)]
    Routes(#[from] InvalidRoutes),
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    #[error(transparent)]
    System(#[from] io::Error),
    #[error(transparent)]
    Explain(#[from] crate::explain::Error),
    #[error(transparent)]
    Replay(crate::replay::file::Error),
    #[error(transparent)]
    Logging(#[from] telemetry::LogError),
    /// The log reports the records.
    #[error("{0} records were left when the bridge stopped")]
    Left(usize),
    /// The log has the number of rows.
    #[error("the disk of the spool hangs, so the spool was not closed when the bridge stopped")]
    SpoolNotClosed,
    #[error("spool.directory is not set, so there is no spool; name a directory with --directory")]
    NoSpool,
    #[error("{0}. When `serve` starts, it copies the readable records of a damaged file, and keeps the file")]
    Spool(String),
    #[error("{0} records are damaged and were left out")]
    Damaged(u64),
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Event, place and advice, in one line.
    #[error("{0}")]
    Failed(String),
    /// A second signal interrupted the command, or its work did not end by itself.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Failure {
    fn lines(&self) -> Vec<String> {
        match self {
            Self::Settings(config::SettingErrors(problems)) => {
                problems.iter().map(ToString::to_string).collect()
            }
            other => vec![other.to_string()],
        }
    }
}

fn ended(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mut lines = failure.lines();
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, "error: ");
    }
    terminal::last_note(&lines);
    match failure {
        Failure::Settings(_)
        | Failure::NoSpool
        | Failure::Start(app::Error::Kafka(kafka::Error::Client(_)) | app::Error::Secrets(_))
        | Failure::Kafka(kafka::Error::Client(_)) => ExitCode::from(BAD_SETTINGS),
        _ => ExitCode::FAILURE,
    }
}

fn print(text: &str) -> Result<(), Failure> {
    terminal::print(text).map_err(Failure::Output)
}

fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    terminal::print_bytes(bytes).map_err(Failure::Output)
}

fn printed(result: io::Result<()>) -> Result<(), Failure> {
    terminal::written(result).map_err(Failure::Output)
}

/// Sources of a command's settings.
#[derive(Debug, Default, clap::Args)]
struct SettingsArgs {
    /// Settings file. Default: config/bridge.yaml or /etc/justcall-bridge/bridge.yaml, if it exists.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Override a setting of the file and the environment. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingsArgs {
    fn sources(self) -> SettingsInput {
        SettingsInput {
            file: self.config.map_or(SettingsFile::Usual, SettingsFile::At),
            environment: environment(),
            flags: self.set,
            referenced_files: ReferencedFiles::All,
        }
    }

    /// Serves a command that uses Kafka and needs none of JustCall's secrets.
    fn sources_for_kafka(self) -> SettingsInput {
        SettingsInput { referenced_files: ReferencedFiles::OfKafka, ..self.sources() }
    }

    /// Serves a command that opens no files that the settings name.
    fn sources_on_paper(self) -> SettingsInput {
        SettingsInput { referenced_files: ReferencedFiles::None, ..self.sources() }
    }

    /// Loads the settings and logs only warnings, unless `--set` changes that.
    fn load_quietly(mut self) -> Result<Settings, Failure> {
        self.set.insert(0, "telemetry.log_filter=warn".to_owned());
        let settings = Settings::load(&self.sources_for_kafka())?;
        telemetry::init(&settings.telemetry)?;
        Ok(settings)
    }
}

fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains(&format!("justcall-bridge {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }

    #[test]
    fn setting_has_a_key_and_any_value() {
        let Command::Serve(args) = parse("justcall-bridge serve --set a.b=c=d --set e=").unwrap().command
        else {
            panic!("not serve");
        };
        assert_eq!(args.settings.set, ["a.b=c=d", "e="]);
        // The parser's own error would quote the value, which may be a secret.
        assert!(parse("justcall-bridge serve --set c").is_ok());
    }

    #[test]
    fn dev_listens_on_loopback_by_default() {
        let Command::Dev(args) = parse("justcall-bridge dev").unwrap().command else { panic!("not dev") };
        assert!(args.listen.ip().is_loopback() && args.admin_listen.ip().is_loopback());
        assert_ne!(args.listen.port(), args.admin_listen.port());
    }

    #[test]
    fn output_that_cannot_be_written_is_a_failure_that_says_so() {
        assert!(printed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        let failure = printed(Err(io::ErrorKind::StorageFull.into())).unwrap_err().to_string();
        assert!(failure.starts_with("cannot write the output"), "{failure}");
    }

    #[test]
    fn help_exits_with_0_and_invalid_usage_with_2() {
        let code = |line: &str| parse(line).map_or_else(|error| error.exit_code(), |_| 0);
        assert_eq!(code("justcall-bridge send --help"), 0);
        assert_eq!(code("justcall-bridge brew"), 2);
        assert_eq!(format!("{:?}", usage_error("no")), format!("{:?}", ExitCode::from(2)));
    }
}
