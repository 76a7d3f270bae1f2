use super::trial::{Plan, Trial};
use super::{Case, Context};
use crate::kit::disk::{Disk, run};
use crate::kit::load::{Answer, Shape};
use std::process::Command;
use std::time::Duration;

pub(super) const CASES: [Case; 4] = [
    ("spool full", size_limit),
    ("disk full", disk_full),
    ("disk takes no write", no_write),
    ("read-only disk at start", read_only_at_start),
];

fn heavy_load() -> Plan {
    let shape = Shape { senders: 6, pause: Duration::from_millis(30), body_bytes: 32 * 1024 };
    // A full spool refuses at once, but the disk may delay the answer.
    Plan { shape, is_prompt: false, ..Plan::default() }
}

fn size_limit(context: &Context<'_>) {
    let trial = context.begin(Plan { settings: vec!["spool.max_bytes=16 MiB".into()], ..heavy_load() });
    context.cluster.kafka.freeze();
    trial.until_spooling(20);
    trial.until_more(Answer::Refused, 20);
    trial.pass(context.lasting(0, 10));
    context.cluster.kafka.thaw();
    context.end(trial);
}

fn disk_full(context: &Context<'_>) {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => {
            return context
                .report_skipped(&format!("no small disk can be mounted here, see 'spool full': {why}"));
        }
    };
    let settings = vec!["spool.max_bytes=32 MiB".into()];
    let directory = Some(disk.path("spool"));
    let trial = context.begin(Plan { directory, settings, ..heavy_load() });
    context.cluster.kafka.freeze();
    trial.until_spooling(20);
    disk.fill();
    trial.until_more(Answer::Refused, 20);
    trial.pass(context.lasting(0, 10));
    disk.clear();
    trial.until_spooling(20);
    context.cluster.kafka.thaw();
    context.end(trial);
}

/// A limit of the process makes every write fail.
fn no_write(context: &Context<'_>) {
    let plan = Plan { is_prompt: false, ..Plan::default() };
    let trial = context.begin(plan);
    if let Err(why) = limit_files(&trial, "0") {
        trial.end(&format!(
            "{} | {} | {:?} | (no fault, {})",
            context.name, context.seed, context.moment, why
        ));
        return;
    }
    trial.until_more(Answer::Acked, 60);
    context.cluster.kafka.freeze();
    trial.until_more(Answer::Refused, 20);
    trial.pass(context.lasting(0, 10));
    limit_files(&trial, "unlimited").expect("the limit can be restored");
    trial.until_spooling(20);
    context.cluster.kafka.thaw();
    context.end(trial);
}

fn limit_files(trial: &Trial<'_>, bytes: &str) -> Result<(), String> {
    let mut limit = Command::new("prlimit");
    limit.arg(format!("--pid={}", trial.bridge().process.pid())).arg(format!("--fsize={bytes}:unlimited"));
    run(&mut limit)
}

/// The bridge may end or serve; no promised event may be lost.
fn read_only_at_start(context: &Context<'_>) {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => return context.report_skipped(&format!("no small disk can be mounted here: {why}")),
    };
    let directory = Some(disk.path("spool"));
    let settings = vec!["spool.max_bytes=32 MiB".into()];
    let mut trial = context.begin(Plan { directory, settings, is_prompt: false, ..Plan::default() });
    context.cluster.kafka.freeze();
    trial.until_spooling(40);
    trial.kill_bridge();
    disk.remount("ro").expect("no file of the disk is open");
    context.cluster.kafka.thaw();
    if trial.try_start_bridge() {
        trial.note = " (serves)".into();
        trial.pass(context.lasting(2_000, 10));
        trial.kill_bridge();
    } else {
        trial.note = " (does not start)".into();
    }
    disk.remount("rw").expect("the disk was writable before");
    trial.start_bridge();
    context.end(trial);
}
