//! Output of a plan and of its changes as text and as JSON.

use crate::kafka::TopicsConfig;
use crate::terminal::printable;
use crate::topics::{Change, Counts, Difference, Ending, Entry, State, Step, There, TopicsPlan, Widening};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

struct Line<'p> {
    word: &'static str,
    topic: &'p str,
    text: String,
}

/// Formats the differences and the totals. `verbose` adds settings that are left alone.
pub(super) fn text(plan: &TopicsPlan, wanted: &TopicsConfig, verbose: bool) -> String {
    let lines: Vec<Line<'_>> = plan.0.iter().flat_map(|entry| lines(entry, wanted, verbose)).collect();
    let width = plan.width();
    let mut text = String::new();
    for line in lines {
        let row = format!("{:<8} {:<width$}  {}", line.word, line.topic, line.text);
        text.push_str(&printable(row.trim_end()));
        text.push('\n');
    }
    if plan.widens() {
        text.push_str(WIDENING_WARNING);
    }
    text.push('\n');
    text.push_str(&sum(&plan.counts()));
    text
}

const WIDENING_WARNING: &str = "
Adding partitions changes the partition of a key. Records of one key from before and after may be in
different partitions, so the order between them is lost. Existing records are not moved. `apply` adds
partitions only with --add-partitions.
";

fn lines<'p>(entry: &'p Entry, wanted: &TopicsConfig, verbose: bool) -> Vec<Line<'p>> {
    let line = |word, text| Line { word, topic: &entry.topic, text };
    let there = match &entry.state {
        State::Create => return vec![line("create", new_topic(wanted))],
        State::Hidden(reason) => return vec![line("refused", reason.clone())],
        State::There(there) => there,
    };
    let mut lines = Vec::new();
    lines.extend(there.widening.map(|it| line("alter", format!("{it}, only with --add-partitions"))));
    lines.extend(there.changes.iter().map(|it| line("alter", it.to_string())));
    lines.extend(there.differences.iter().map(|it| line("differs", difference(it))));
    if lines.is_empty() {
        lines.push(line("ok", String::new()));
    }
    if verbose {
        let other = |(name, value): (&String, &Option<String>)| {
            let value = value.as_deref().unwrap_or("(not told)");
            line("other", format!("{name}={value} is set on the topic but not in the settings: not changed"))
        };
        lines.extend(there.others.iter().map(other));
    }
    lines
}

fn new_topic(wanted: &TopicsConfig) -> String {
    let number = |number: Option<i32>, what: &str| match number {
        Some(1) => format!("1 {what}"),
        Some(number) => format!("{number} {what}s"),
        None => format!("the broker's default of {what}s"),
    };
    let numbers = [number(wanted.partitions, "partition"), number(wanted.replication_factor, "replica")];
    let config = wanted.config.iter().map(|(name, value)| format!("{name}={value}"));
    let parts: Vec<String> = numbers.into_iter().chain(config).collect();
    parts.join(", ")
}

fn difference(it: &Difference) -> String {
    match it {
        Difference::TooManyPartitions { now, wanted } => format!(
            "{now} partitions, but topics.partitions is {wanted}: Kafka cannot remove partitions; set \
             topics.partitions to {now}, or create another topic"
        ),
        Difference::Replicas { now, wanted } => format!(
            "{}, but topics.replication_factor is {wanted}: change the replicas with \
             kafka-reassign-partitions.sh, or change the setting",
            replicas(now)
        ),
        Difference::ConfigHidden(reason) => reason.clone(),
    }
}

fn replicas(now: &BTreeSet<usize>) -> String {
    let numbers: Vec<String> = now.iter().map(ToString::to_string).collect();
    let noun = if numbers == ["1"] { "replica" } else { "replicas" };
    format!("{} {noun}", numbers.join(" or "))
}

fn sum(counts: &Counts) -> String {
    let Counts { create, alter, differ, hidden, ok } = *counts;
    let mut parts = Vec::new();
    let mut part = |number: usize, what: &str| {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    };
    part(create, "to create");
    part(alter, "to alter");
    part(differ, "with differences that apply cannot change");
    part(hidden, "that the cluster does not report");
    part(ok, "as in the settings");
    format!("Topics: {}.\n", parts.join(", "))
}

pub(super) fn as_json(plan: &TopicsPlan, wanted: &TopicsConfig) -> Value {
    let Counts { create, alter, differ, hidden, ok } = plan.counts();
    let topics: Vec<Value> = plan.0.iter().map(|entry| entry_json(entry, wanted)).collect();
    json!({
        "topics": topics,
        "counts": { "create": create, "alter": alter, "differs": differ, "refused": hidden, "ok": ok },
    })
}

fn entry_json(entry: &Entry, wanted: &TopicsConfig) -> Value {
    let topic = &entry.topic;
    match &entry.state {
        State::Create => json!({
            "topic": topic,
            "state": "create",
            "create": {
                "partitions": wanted.partitions,
                "replication_factor": wanted.replication_factor,
                "config": wanted.config,
            },
        }),
        State::Hidden(reason) => json!({ "topic": topic, "state": "refused", "reason": reason }),
        State::There(there) => there_json(topic, there),
    }
}

fn there_json(topic: &str, there: &There) -> Value {
    let mut alter = Map::new();
    if let Some(Widening { now, wanted }) = there.widening {
        alter.insert(
            "partitions".into(),
            json!({ "now": now, "wanted": wanted, "needs": "--add-partitions" }),
        );
    }
    for Change { name, now, wanted } in &there.changes {
        let config = alter.entry("config").or_insert_with(|| json!({}));
        config[name] = json!({ "now": now, "wanted": wanted });
    }
    let differs: Vec<Value> = there.differences.iter().map(difference_json).collect();
    let state = match (alter.is_empty(), differs.is_empty()) {
        (false, _) => "alter",
        (true, false) => "differs",
        (true, true) => "ok",
    };
    json!({ "topic": topic, "state": state, "alter": alter, "differs": differs, "others": there.others })
}

fn difference_json(it: &Difference) -> Value {
    let (what, now, wanted) = match it {
        Difference::TooManyPartitions { now, wanted } => ("partitions", json!(now), json!(wanted)),
        Difference::Replicas { now, wanted } => ("replicas", json!(now), json!(wanted)),
        Difference::ConfigHidden(_) => ("config", Value::Null, Value::Null),
    };
    json!({ "what": what, "now": now, "wanted": wanted, "advice": difference(it) })
}

/// Formats a change. `width`: columns for the name of the topic.
pub(super) fn step_line(step: &Step, width: usize) -> String {
    let Step { topic, what, ending } = step;
    let (word, remark) = match ending {
        Ending::Done => ("done", String::new()),
        Ending::Overtaken => ("done", ": another client was faster, so plan again".to_owned()),
        Ending::Left => ("left", ": needs --add-partitions".to_owned()),
        Ending::Failed(reason) => ("failed", format!(": {reason}")),
    };
    printable(&format!("{word:<8} {topic:<width$}  {what}{remark}")).into_owned()
}

pub(super) fn step_json(step: &Step) -> Value {
    let (ending, reason) = match &step.ending {
        Ending::Done => ("done", None),
        Ending::Overtaken => ("overtaken", None),
        Ending::Left => ("left", Some("needs --add-partitions")),
        Ending::Failed(reason) => ("failed", Some(reason.as_str())),
    };
    json!({ "topic": step.topic, "change": step.what, "outcome": ending, "reason": reason })
}
