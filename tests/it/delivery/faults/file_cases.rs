use super::trial::{Plan, Trial};
use super::{Case, Context};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

pub(super) const CASES: [Case; 2] = [("bits flipped", bits_flipped), ("torn tail", torn_tail)];

const FLIPS: usize = 3;

/// Damaged bodies may be lost, but are counted.
fn bits_flipped(context: &Context<'_>) {
    if !Plan::default().spool {
        return context.report_skipped("there is no spool");
    }
    let mut trial = context.begin(Plan::default());
    context.cluster.kafka.freeze();
    trial.until_spooling(120);
    // An orderly stop leaves all rows in one file.
    trial.stop_bridge();
    let flipped = flip(&mut trial);
    assert_eq!(flipped, FLIPS, "spool.db holds no bodies in which bits could be flipped");
    context.cluster.kafka.thaw();
    trial.start_bridge();
    context.end(trial);
}

fn flip(trial: &mut Trial<'_>) -> usize {
    let file = trial.spool_file("spool.db");
    let mut bytes = fs::read(&file).expect("spool.db");
    // No page of SQLite's own has such a sequence.
    let pad = b"xxxxxxxxxxxxxxxx";
    let runs: Vec<usize> = (1..bytes.len().saturating_sub(pad.len()))
        .filter(|start| bytes[start - 1] == b'"' && bytes[*start..].starts_with(pad))
        .collect();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < FLIPS.min(runs.len()) {
        let place = runs[trial.rng.below(runs.len())];
        if !chosen.contains(&place) {
            bytes[place + 8] ^= 1 << trial.rng.below(8);
            chosen.push(place);
        }
    }
    fs::write(&file, bytes).expect("spool.db");
    trial.note = format!(" ({} rows)", chosen.len());
    chosen.len()
}

/// Leaves a partial frame after the last commit, as a crash may.
fn torn_tail(context: &Context<'_>) {
    let mut trial = context.begin(Plan::default());
    context.cluster.kafka.freeze();
    trial.until_spooling(60);
    trial.kill_bridge();
    let log = trial.spool_file("spool.db-wal");
    if log.exists() {
        append_garbage(&log, &mut trial);
    } else {
        trial.note = " (there was no spool.db-wal)".into();
    }
    context.cluster.kafka.thaw();
    trial.start_bridge();
    context.end(trial);
}

fn append_garbage(log: &Path, trial: &mut Trial<'_>) {
    let length = 1 + trial.rng.below(9_000);
    let garbage: Vec<u8> = (0..length).map(|_| trial.rng.next().to_le_bytes()[0]).collect();
    let mut file = File::options().append(true).open(log).expect("spool.db-wal");
    file.write_all(&garbage).expect("spool.db-wal");
    trial.note = format!(" ({length} bytes)");
}
