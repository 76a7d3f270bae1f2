//! `schema`: prints descriptions of events, topics and HTTP for other programs.

mod asyncapi;
mod events;
mod openapi;
mod yaml;

#[cfg(test)]
mod tests;

use super::{Failure, SettingsArgs};
use crate::config::Settings;
pub(super) use events::mode;
use serde_json::Value;

/// Print machine-readable descriptions of events, topics and HTTP.
///
/// Contacts nobody and reads no secret. Exits with 0; with 1 where a file cannot be written; with 78 where the settings
/// are bad.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Events(events::Args),
    Asyncapi(asyncapi::Args),
    Openapi(openapi::Args),
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge schema events > events.schema.json
  justcall-bridge schema asyncapi --config bridge.yaml --yaml > asyncapi.yaml
  justcall-bridge schema openapi --config bridge.yaml > openapi.json";

/// Output options of a document.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Format {
    /// As YAML instead of JSON.
    #[arg(long)]
    yaml: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Events(args) => events::run(&args),
        What::Asyncapi(args) => asyncapi::run(args),
        What::Openapi(args) => openapi::run(args),
    }
}

/// Loads the settings that the document describes.
fn load(settings: SettingsArgs) -> Result<Settings, Failure> {
    Ok(Settings::load(&settings.sources_on_paper())?)
}

impl Format {
    fn text(self, document: &Value) -> String {
        if self.yaml { yaml::write(document) } else { format!("{document:#}\n") }
    }

    /// Prints the document to stdout.
    fn print(self, document: &Value) -> Result<(), Failure> {
        super::print(&self.text(document))
    }

    const fn extension(self) -> &'static str {
        if self.yaml { "yaml" } else { "json" }
    }
}
