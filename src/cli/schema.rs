//! `schema`: prints descriptions of events, topics and HTTP for other programs.

use super::send::{dialect, known_type};
use super::{Failure, SettingsArgs, print};
use crate::config::Settings;
use crate::schemas::events::Schemas;
use crate::{private_file, schemas};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use justcall_events::{Dialect, KnownType, Validation};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Print machine-readable descriptions of events, topics and HTTP.
///
/// Uses no network and no secret. Exits with 1 if a file cannot be written, and with 78 for invalid settings.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Events(EventsArgs),
    /// Print an AsyncAPI 3.0 document of the topics of the settings.
    ///
    /// Has a channel for each topic that the routes can yield, and for dead letters, with event types, keys,
    /// headers and payloads.
    #[command(after_help = ASYNCAPI_EXAMPLE)]
    Asyncapi(DocumentArgs),
    /// Print an OpenAPI 3.1 document of the HTTP interface of the settings.
    ///
    /// Has the path of each source with bodies, headers and responses, and the pages of the admin listener.
    #[command(after_help = OPENAPI_EXAMPLE)]
    Openapi(DocumentArgs),
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge schema events > events.schema.json
  justcall-bridge schema asyncapi --config bridge.yaml --yaml > asyncapi.yaml
  justcall-bridge schema openapi --config bridge.yaml > openapi.json";

/// Print JSON Schema (2020-12) of the event types.
///
/// Prints one schema if one type in one dialect is selected, otherwise a schema that accepts any of the
/// selected types. It describes the events that the bridge accepts as valid.
#[derive(Debug, clap::Args)]
#[command(after_help = EVENTS_EXAMPLE)]
struct EventsArgs {
    /// Event types. Default: all.
    #[arg(value_name = "TYPE", value_parser = known_type())]
    types: Vec<KnownType>,

    /// Only this one of JustCall's two formats. Default: both, if JustCall lists the type there.
    #[arg(long, value_parser = dialect())]
    dialect: Option<Dialect>,

    /// `validation` of the source.
    #[arg(long, value_name = "MODE", default_value = "documented", value_parser = validation())]
    validation: Validation,

    /// Write one file per schema to this directory, such as documented.call.missed.json.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,

    #[command(flatten)]
    format: DocumentFormat,
}

const EVENTS_EXAMPLE: &str = "\
Examples:
  justcall-bridge schema events > events.schema.json
  justcall-bridge schema events call.completed --dialect documented
  justcall-bridge schema events --validation strict --out schemas/";

/// Arguments of a document of the settings.
#[derive(Debug, clap::Args)]
struct DocumentArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    format: DocumentFormat,
}

const ASYNCAPI_EXAMPLE: &str = "\
Examples:
  justcall-bridge schema asyncapi --config bridge.yaml > asyncapi.json
  justcall-bridge schema asyncapi --config bridge.yaml --yaml > asyncapi.yaml";

const OPENAPI_EXAMPLE: &str = "\
Examples:
  justcall-bridge schema openapi --config bridge.yaml > openapi.json
  justcall-bridge schema openapi --config bridge.yaml --yaml > openapi.yaml";

/// Output options of a document.
#[derive(Debug, Clone, Copy, clap::Args)]
struct DocumentFormat {
    /// Print YAML instead of JSON.
    #[arg(long)]
    yaml: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Events(args) => events(&args),
        What::Asyncapi(args) => args.format.print(&schemas::asyncapi::document(&load(args.settings)?)?),
        What::Openapi(args) => args.format.print(&schemas::openapi::document(&load(args.settings)?)),
    }
}

fn events(args: &EventsArgs) -> Result<(), Failure> {
    let schemas = schemas::events::select(&args.types, args.dialect, args.validation);
    if schemas.is_empty() {
        let dialect = args.dialect.map_or("any", Dialect::name);
        return Err(Failure::Failed(format!(
            "none of these types has the {dialect} dialect; leave --dialect out"
        )));
    }
    match &args.out {
        Some(directory) => write_each(schemas, args, directory),
        None => args.format.print(&schemas::events::whole(schemas, args.validation)),
    }
}

fn write_each(schemas: Schemas, args: &EventsArgs, directory: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error| Failure::Failed(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    for (name, schema) in schemas {
        let path = directory.join(format!("{name}.{}", args.format.extension()));
        let text = args.format.text(&schemas::events::document((name, schema), args.validation));
        private_file::replace(&path, text.as_bytes()).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn validation() -> impl TypedValueParser<Value = Validation> {
    PossibleValuesParser::new(Validation::ALL.map(Validation::name))
        .try_map(|name| Validation::ALL.into_iter().find(|each| each.name() == name).ok_or("no such mode"))
}

fn load(settings: SettingsArgs) -> Result<Settings, Failure> {
    Ok(Settings::load(&settings.sources_on_paper())?)
}

impl DocumentFormat {
    fn text(self, document: &Value) -> String {
        if self.yaml { schemas::yaml::write(document) } else { format!("{document:#}\n") }
    }

    fn print(self, document: &Value) -> Result<(), Failure> {
        print(&self.text(document))
    }

    const fn extension(self) -> &'static str {
        if self.yaml { "yaml" } else { "json" }
    }
}
