//! `spool`: prints the records that wait on disk for Kafka.

use super::{Failure, printed};
use crate::app;
use crate::config::{ReferencedFiles, Settings, SettingsFile, SettingsInput};
use crate::delivery::SpoolRecord;
use crate::record::{Record, json_form};
use crate::terminal::{self, printable};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Inspect the records on disk that wait for Kafka, also while a bridge runs. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    command: SpoolCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SpoolCommand {
    /// Print the number, size and age of the records of each topic.
    Status {
        #[command(flatten)]
        place: SpoolLocation,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print every record as one line of JSON, oldest first.
    ///
    /// The lines have the events unchanged, with personal data.
    Export {
        #[command(flatten)]
        place: SpoolLocation,
        /// Only records of this topic.
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        /// Print the records that were set aside instead: damaged ones, and those that no topic accepts.
        #[arg(long)]
        set_aside: bool,
    },
}

/// Location of the spool.
#[derive(Debug, clap::Args)]
struct SpoolLocation {
    /// Directory of the spool. Default: `spool.directory` of the settings.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    /// Settings file, as for `serve`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge spool status --directory /var/lib/justcall-bridge
  justcall-bridge spool export --config bridge.yaml --topic justcall.call.completed > backlog.ndjson";

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        SpoolCommand::Status { place, json } => status(place, json),
        SpoolCommand::Export { place, topic, set_aside } => {
            let backlog = app::open_spool_view(&place.directory()?)?;
            if set_aside {
                export(backlog.records_set_aside(), topic.as_deref())
            } else {
                export(backlog.records(), topic.as_deref())
            }
        }
    }
}

impl SpoolLocation {
    fn directory(self) -> Result<PathBuf, Failure> {
        if let Some(directory) = self.directory {
            return Ok(directory);
        }
        let settings = Settings::load(&SettingsInput {
            file: self.config.map_or(SettingsFile::Usual, SettingsFile::At),
            environment: super::environment(),
            flags: Vec::new(),
            referenced_files: ReferencedFiles::None,
        })?;
        settings.spool.directory.ok_or(Failure::NoSpool)
    }
}

fn status(place: SpoolLocation, json: bool) -> Result<(), Failure> {
    let backlog = app::open_spool_view(&place.directory()?)?;
    let (lanes, set_aside) = (backlog.lanes().map_err(read)?, backlog.set_aside().map_err(read)?);
    let records: u64 = lanes.iter().map(|lane| lane.records).sum();
    let bytes: u64 = lanes.iter().map(|lane| lane.bytes).sum();
    let mut out = terminal::stdout();
    if json {
        let lanes: Vec<Value> = lanes
            .iter()
            .map(|lane| {
                json!({"topic": lane.topic, "records": lane.records, "bytes": lane.bytes, "oldest": lane.oldest.map(time)})
            })
            .collect();
        let status = json!({"records": records, "bytes": bytes, "set_aside": set_aside, "lanes": lanes});
        return printed(writeln!(out, "{status}").and_then(|()| out.flush()));
    }
    let table = || -> io::Result<()> {
        let width = lanes.iter().map(|lane| lane.topic.len()).max().unwrap_or(0).max("topic".len());
        if !lanes.is_empty() {
            writeln!(out, "{:<width$}  {:>10}  {:>14}  oldest", "topic", "records", "bytes")?;
        }
        for lane in &lanes {
            let oldest = lane.oldest.map(time).unwrap_or_default();
            writeln!(
                out,
                "{:<width$}  {:>10}  {:>14}  {oldest}",
                printable(&lane.topic),
                lane.records,
                lane.bytes
            )?;
        }
        writeln!(out, "{records} records wait, {bytes} bytes; {set_aside} set aside")?;
        out.flush()
    };
    let mut table = table;
    printed(table())
}

fn export<E: std::error::Error>(
    records: impl Iterator<Item = Result<SpoolRecord, E>>,
    topic: Option<&str>,
) -> Result<(), Failure> {
    let mut out = terminal::stdout();
    let mut damaged = 0_u64;
    for spooled in records {
        let spooled = spooled.map_err(read)?;
        if topic.is_some_and(|topic| *topic != *spooled.topic) {
            continue;
        }
        let Some(record) = spooled.record else {
            damaged += 1;
            continue;
        };
        let line = line(spooled.row, &spooled.spooled_at, &record);
        match writeln!(out, "{line}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            result => printed(result)?,
        }
    }
    printed(out.flush())?;
    if damaged > 0 { Err(Failure::Damaged(damaged)) } else { Ok(()) }
}

/// Formats a record. Bytes that are not UTF-8 become base64, under a name with the suffix `_base64`.
fn line(row: i64, spooled_at: &DateTime<Utc>, record: &Record) -> Value {
    let mut line = Map::new();
    line.insert("row".into(), row.into());
    line.insert("topic".into(), (*record.topic).into());
    line.insert("spooled_at".into(), time(*spooled_at).into());
    line.insert("timestamp".into(), record.timestamp.into());
    if let Some(key) = &record.key {
        json_form::bytes(&mut line, "key", key);
    }
    line.insert("headers".into(), json_form::headers(record.headers.iter()).into());
    json_form::bytes(&mut line, "value", &record.value);
    line.into()
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn read(error: impl std::error::Error) -> Failure {
    Failure::Spool(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;
    use bytes::Bytes;
    use std::sync::Arc;

    fn record(key: Option<&'static [u8]>, value: &'static [u8]) -> Record {
        Record {
            topic: Arc::from("justcall.call.missed"),
            key: key.map(Bytes::from_static),
            headers: Headers::builder(16).add("ce_id", "7").build(),
            value: Bytes::from_static(value),
            timestamp: 1,
        }
    }

    #[test]
    fn line_contains_the_original_value() {
        let line = line(3, &DateTime::UNIX_EPOCH, &record(Some(b"call_1"), b"{\"a\": 1}\n"));
        assert_eq!(
            line,
            json!({
                "row": 3, "topic": "justcall.call.missed", "spooled_at": "1970-01-01T00:00:00.000Z", "timestamp": 1,
                "key": "call_1", "headers": {"ce_id": "7"}, "value": "{\"a\": 1}\n"
            })
        );
    }

    #[test]
    fn binary_bytes_get_a_base64_name() {
        let line = line(3, &DateTime::UNIX_EPOCH, &record(None, b"\xff\xfe"));
        assert_eq!(
            (&line["value"], &line["value_base64"], &line["key"]),
            (&Value::Null, &json!("//4="), &Value::Null)
        );
    }
}
