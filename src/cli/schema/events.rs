//! `schema events`: JSON Schema of the event types.

use super::Format;
use crate::cli::Failure;
use crate::cli::send::{dialect, known_type};
use crate::private_file;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use justcall_events::{Dialect, KnownType, META_SCHEMA, Validation, schema, schema_of_unknown};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Print JSON Schema (2020-12) of the event types.
///
/// One schema where one type in one dialect is left, else one that takes any of them. They say what the
/// bridge accepts of a type; what it makes of others the settings say.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Event types. Without one: all of them.
    #[arg(value_name = "TYPE", value_parser = known_type())]
    types: Vec<KnownType>,

    /// Only this one of JustCall's two formats. Without it: both, as far as JustCall lists a type there.
    #[arg(long, value_parser = dialect())]
    dialect: Option<Dialect>,

    /// What a source with this `validation` accepts.
    #[arg(long, value_name = "MODE", default_value = "documented", value_parser = validation())]
    validation: Validation,

    /// Write each schema to a file of its own in this directory, such as documented.call.missed.json.
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,

    #[command(flatten)]
    format: Format,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge schema events > events.schema.json
  justcall-bridge schema events call.completed --dialect documented
  justcall-bridge schema events --validation strict --out schemas/";

/// Prefix of every `$id`: an absolute URI without a web page.
const ID_PREFIX: &str = "urn:justcall-kafka-bridge:schema:";

/// Schemas by name, such as `documented.call.missed`.
pub(super) type Schemas = BTreeMap<String, Value>;

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let schemas: Schemas = listed()
        .filter(|(known, _)| args.types.is_empty() || args.types.contains(known))
        .filter(|(_, dialect)| args.dialect.is_none_or(|wanted| wanted == *dialect))
        .map(|(known, dialect)| (name(Some(known), dialect), schema(known, dialect, args.validation)))
        .collect();
    if schemas.is_empty() {
        let dialect = args.dialect.map_or("any", Dialect::name);
        return Err(Failure::Failed(format!(
            "JustCall lists none of these types in the {dialect} dialect; leave --dialect away"
        )));
    }
    match &args.out {
        Some(directory) => write_each(schemas, args, directory),
        None => args.format.print(&whole(schemas, args.validation)),
    }
}

/// Returns every type in each dialect in which JustCall lists it.
pub(super) fn listed() -> impl Iterator<Item = (KnownType, Dialect)> {
    let both = |known: &KnownType| [(*known, Dialect::Documented), (*known, Dialect::Live)];
    KnownType::ALL.iter().flat_map(both).filter(|(known, dialect)| known.is_listed_in(*dialect))
}

/// Returns the name of a type's schema and message. `None` stands for types that JustCall does not document.
pub(super) fn name(event_type: Option<KnownType>, dialect: Dialect) -> String {
    format!("{dialect}.{}", event_type.map_or("other", KnownType::name))
}

/// Returns the schema of a type.
pub(super) fn of(event_type: Option<KnownType>, dialect: Dialect, validation: Validation) -> Value {
    match event_type {
        Some(known) => schema(known, dialect, validation),
        None => schema_of_unknown(dialect),
    }
}

/// Returns the value that `sources.<name>.validation` uses.
pub(in crate::cli) const fn mode(validation: Validation) -> &'static str {
    match validation {
        Validation::Documented => "documented",
        Validation::Tolerant => "tolerant",
        Validation::Strict => "strict",
    }
}

/// Returns a single schema as the document, or a document that combines several with `oneOf`.
fn whole(schemas: Schemas, validation: Validation) -> Value {
    if schemas.len() == 1 {
        return schemas.into_iter().next().map(|one| document(one, validation)).unwrap_or_default();
    }
    let any: Vec<_> = schemas.keys().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
    let all = json!({
        "title": "Webhook events of JustCall",
        "oneOf": any,
        "$defs": schemas,
    });
    document(("events".to_owned(), all), validation)
}

/// Returns a schema as a document of its own.
fn document((name, mut schema): (String, Value), validation: Validation) -> Value {
    schema["$schema"] = json!(META_SCHEMA);
    schema["$id"] = json!(format!("{ID_PREFIX}{}:{name}", mode(validation)));
    schema
}

fn write_each(schemas: Schemas, args: &Args, directory: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error| Failure::Failed(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    for (name, schema) in schemas {
        let path = directory.join(format!("{name}.{}", args.format.extension()));
        let text = args.format.text(&document((name, schema), args.validation));
        private_file::replace(&path, text.as_bytes()).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn validation() -> impl TypedValueParser<Value = Validation> {
    const MODES: [Validation; 3] = [Validation::Documented, Validation::Tolerant, Validation::Strict];
    PossibleValuesParser::new(MODES.map(mode))
        .try_map(|name| MODES.into_iter().find(|each| mode(*each) == name).ok_or("no such mode"))
}
