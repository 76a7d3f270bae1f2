//! `topics`: compares the cluster's topics with the settings, and creates or changes them.

mod arguments;
mod format;

use super::{Failure, SettingsArgs, print};
use crate::app;
use crate::config::Settings;
use crate::kafka::Cluster;
use crate::terminal;
use crate::topics::{
    self, ApiVersion, Authentication, Export, ExportFormat, Purpose, Step, Strimzi, TopicsPlan,
};
use serde_json::json;
use std::cell::Cell;
use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

/// Compare the cluster's topics with the settings, and create missing ones.
///
/// The topics are all that the routes can yield, and that of dead letters. Settings without a value, such as
/// an empty `topics.partitions`, are not compared. Nothing is deleted or reduced.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    command: TopicsCommand,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge topics plan --config bridge.yaml
  justcall-bridge topics apply --config bridge.yaml
  justcall-bridge topics export --format strimzi --cluster events | kubectl apply -f -";

#[derive(Debug, clap::Subcommand)]
enum TopicsCommand {
    Plan(PlanArgs),
    Apply(ApplyArgs),
    Export(ExportArgs),
}

/// Print missing topics and differences. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = PLAN_EXAMPLE)]
struct PlanArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Also print configuration of the topics that the settings do not have.
    #[arg(long, short)]
    verbose: bool,

    /// Exit with 3 if a topic differs from the settings.
    #[arg(long)]
    exit_code: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

const PLAN_EXAMPLE: &str = "\
Examples:
  justcall-bridge topics plan --config bridge.yaml
  justcall-bridge topics plan --config bridge.yaml --exit-code --json > plan.json

Exit codes: 0 planned, 1 failed or a topic is hidden from the bridge's user,
2 invalid command line, 3 with --exit-code only: a change is needed or a topic differs,
78 invalid settings.";

/// Create missing topics and change differing ones, without reducing anything.
///
/// Prints the plan and asks for confirmation. A failed change does not stop the others.
#[derive(Debug, clap::Args)]
#[command(after_help = APPLY_EXAMPLE)]
struct ApplyArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Do not ask for confirmation. Required without a terminal.
    #[arg(long, short)]
    yes: bool,

    /// Also add partitions to topics that have too few. Later records of a key may then be in another
    /// partition than earlier ones.
    #[arg(long)]
    add_partitions: bool,

    /// Exit with 3 if a topic still differs from the settings.
    #[arg(long)]
    exit_code: bool,

    /// Print the result of each change as JSON. Requires --yes.
    #[arg(long, requires = "yes")]
    json: bool,
}

const APPLY_EXAMPLE: &str = "\
Examples:
  justcall-bridge topics apply --config bridge.yaml
  justcall-bridge topics apply --config bridge.yaml --yes
  justcall-bridge topics apply --config bridge.yaml --yes --add-partitions --json

Exit codes: 0 every change succeeded or none was needed, 1 a change failed or was not confirmed,
or a topic is hidden from the bridge's user, 2 invalid command line, or there is neither a terminal
nor --yes, 3 with --exit-code only: something still differs, 78 invalid settings.";

/// Print the topics, and a user with the least rights, for other tools. Uses no network.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPORT_EXAMPLE)]
struct ExportArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Tool that reads the output.
    #[arg(long)]
    format: ExportFormat,

    /// Kafka user of the bridge.
    #[arg(long, value_name = "NAME", default_value = "justcall-bridge")]
    user: String,

    /// Commands that the user may run, separated by commas.
    #[arg(long = "for", value_name = "COMMAND", value_delimiter = ',', default_value = "serve")]
    purposes: Vec<Purpose>,

    /// Strimzi: name of the Kafka resource. Required.
    #[arg(long, value_name = "NAME", required_if_eq("format", "strimzi"), value_parser = kubernetes_name)]
    cluster: Option<String>,

    /// Strimzi: namespace of the resources.
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    namespace: Option<String>,

    /// Strimzi: authentication of the user.
    #[arg(long, default_value = "scram-sha-512")]
    authentication: Authentication,

    /// Strimzi: API version of the resources.
    #[arg(long, default_value = "v1")]
    api_version: ApiVersion,
}

const EXPORT_EXAMPLE: &str = "\
Examples:
  justcall-bridge topics export --format strimzi --cluster events --namespace kafka
  justcall-bridge topics export --format kafka-topics --for serve,check > topics.sh";

const NAME_RULE: &str = "Kubernetes takes lower-case letters, digits, and `-` and `.` between them";

const EXIT_DIFFERS: u8 = 3;

pub(super) fn run(args: Args) -> ExitCode {
    let result = match args.command {
        TopicsCommand::Plan(args) => plan(args),
        TopicsCommand::Apply(args) if !args.yes && !io::stdin().is_terminal() => {
            return super::usage_error("no terminal to confirm on: review `topics plan`, then add --yes");
        }
        TopicsCommand::Apply(args) => apply(args),
        TopicsCommand::Export(args)
            if args.format == ExportFormat::Strimzi && !topics::is_kubernetes_name(&args.user) =>
        {
            return super::usage_error(&format!("--user names a resource here: {NAME_RULE}"));
        }
        TopicsCommand::Export(args) => export(args),
    };
    match result {
        Ok(code) => code,
        Err(failure) => super::ended(Err(failure)),
    }
}

fn plan(args: PlanArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(&args.settings.sources_for_kafka())?;
    let wanted = &settings.kafka.topics;
    let (_, plan) = app::block_on(compare(&settings))?;
    if args.json {
        print(&format!("{:#}\n", format::as_json(&plan, wanted)))?;
    } else {
        print(&format::text(&plan, wanted, args.verbose))?;
    }
    all_seen(&plan)?;
    let counts = plan.counts();
    Ok(code(args.exit_code && counts.create + counts.alter + counts.differ > 0))
}

fn apply(args: ApplyArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(&args.settings.sources_for_kafka())?;
    let wanted = &settings.kafka.topics;
    app::block_on(async {
        let (cluster, plan) = compare(&settings).await?;
        // A failed write to stdout fails the command only after the changes.
        let unwritten = Cell::new(None);
        let print_text = |text: &str| {
            if !args.json
                && let Err(failure) = print(text)
            {
                unwritten.set(Some(failure));
            }
        };
        print_text(&format::text(&plan, wanted, false));
        if let Some(failure) = unwritten.take() {
            return Err(failure);
        }
        let is_asked = plan.is_to_do(args.add_partitions) && !args.yes;
        if is_asked && !is_confirmed(&mut io::stdin().lock(), terminal::ask) {
            return Err(Failure::Failed("not confirmed: nothing was changed".into()));
        }
        let width = plan.width();
        let on_step = |step: &Step| print_text(&format!("{}\n", format::step_line(step, width)));
        let steps = topics::apply(&cluster, &plan, wanted, args.add_partitions, on_step).await;
        if args.json {
            let changes: Vec<_> = steps.iter().map(format::step_json).collect();
            print(&format!("{:#}\n", json!({ "plan": format::as_json(&plan, wanted), "changes": changes })))?;
        }
        if let Some(failure) = unwritten.take() {
            return Err(failure);
        }
        all_done(&steps)?;
        all_seen(&plan)?;
        let differs = plan.counts().differ > 0 || !steps.iter().all(Step::is_done);
        Ok(code(args.exit_code && differs))
    })
}

fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(&args.settings.sources_on_paper())?;
    let topics = topics::of(&settings)?;
    let export = Export::of(&settings, &topics, &args.user, &args.purposes);
    print(&match (args.format, &args.cluster) {
        (ExportFormat::Strimzi, Some(cluster)) => export.as_strimzi(&Strimzi {
            cluster,
            namespace: args.namespace.as_deref(),
            authentication: args.authentication,
            api_version: args.api_version,
        }),
        _ => export.as_scripts(),
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn compare(settings: &Settings) -> Result<(Cluster, TopicsPlan), Failure> {
    Ok(topics::compare(settings, &topics::of(settings)?).await?)
}

fn is_confirmed(answers: &mut impl BufRead, prompt: impl FnOnce(&str)) -> bool {
    prompt("Make these changes? Type `yes` to confirm: ");
    let mut answer = String::new();
    answers.read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

fn all_seen(plan: &TopicsPlan) -> Result<(), Failure> {
    match plan.hidden()[..] {
        [] => Ok(()),
        [topic] => Err(Failure::Failed(format!(
            "the cluster does not report {topic}: the bridge's user lacks the right Describe on it"
        ))),
        ref topics => Err(Failure::Failed(format!(
            "the cluster does not report {} topics: the bridge's user lacks the right Describe on them",
            topics.len()
        ))),
    }
}

fn all_done(steps: &[Step]) -> Result<(), Failure> {
    let failed: Vec<&str> =
        steps.iter().filter(|step| step.is_failed()).map(|step| step.topic.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let (number, all) = (failed.len(), steps.len());
    Err(Failure::Failed(format!("{number} of {all} changes failed: {}", failed.join(", "))))
}

fn code(differs: bool) -> ExitCode {
    if differs { ExitCode::from(EXIT_DIFFERS) } else { ExitCode::SUCCESS }
}

fn kubernetes_name(name: &str) -> Result<String, &'static str> {
    if topics::is_kubernetes_name(name) { Ok(name.to_owned()) } else { Err(NAME_RULE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confirmed(typed: &str) -> (bool, String) {
        let mut prompt = String::new();
        let yes = is_confirmed(&mut typed.as_bytes(), |question| prompt.push_str(question));
        (yes, prompt)
    }

    #[test]
    fn only_yes_confirms() {
        for typed in ["yes\n", "yes", " yes \n"] {
            assert!(confirmed(typed).0, "{typed:?}");
        }
        for typed in ["", "\n", "y\n", "Yes\n", "yes please\n", "no\nyes\n"] {
            assert!(!confirmed(typed).0, "{typed:?}");
        }
        assert!(confirmed("").1.contains("`yes`"), "nobody would know what to type");
    }
}
