//! Applies the changes of a plan in order. A failed change does not stop the others.

use super::format;
use super::plan::{Entry, Plan, State};
use crate::kafka::{self, Cluster, TopicsConfig};
use serde_json::{Value, json};
use std::io::BufRead;

/// Result of one change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) topic: String,
    /// Description of the change, with values.
    pub(super) what: String,
    pub(super) ending: Ending,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    /// Another process created the topic in the meantime.
    Overtaken,
    /// The change needs a consent that was not given.
    Left,
    Failed(String),
}

/// Prints a question through `prompt`. Returns true if the answer is `yes`.
pub(super) fn is_confirmed(answers: &mut impl BufRead, prompt: impl FnOnce(&str)) -> bool {
    prompt("Make these changes? Only `yes` is taken for one: ");
    let mut answer = String::new();
    answers.read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

/// Applies the changes and reports each one through `on_step`.
pub(super) async fn apply(
    cluster: &Cluster,
    plan: &Plan,
    wanted: &TopicsConfig,
    add_partitions: bool,
    mut on_step: impl FnMut(&Step),
) -> Vec<Step> {
    let mut steps = Vec::new();
    for entry in &plan.0 {
        for step in entry_steps(cluster, entry, wanted, add_partitions).await {
            on_step(&step);
            steps.push(step);
        }
    }
    steps
}

async fn entry_steps(
    cluster: &Cluster,
    Entry { topic, state }: &Entry,
    wanted: &TopicsConfig,
    add_partitions: bool,
) -> Vec<Step> {
    let step = |what: String, ending| Step { topic: topic.clone(), what, ending };
    let there = match state {
        State::Hidden(_) => return Vec::new(),
        State::Create => {
            let ending = match cluster.create_topic(topic, wanted).await {
                Ok(true) => Ending::Done,
                Ok(false) => Ending::Overtaken,
                Err(error) => failed(&error, "Create"),
            };
            return vec![step("create".into(), ending)];
        }
        State::There(there) => there,
    };
    let mut steps = Vec::new();
    if let Some(widening) = there.widening {
        let ending = if add_partitions {
            ended(cluster.add_partitions(topic, widening.wanted).await, "Alter")
        } else {
            Ending::Left
        };
        steps.push(step(format::widening(widening), ending));
    }
    if !there.changes.is_empty() {
        let changes = there.changes.iter().map(|it| (it.name.clone(), it.wanted.clone())).collect();
        let ending = ended(cluster.set_topic_config(topic, &changes).await, "AlterConfigs");
        let what: Vec<String> = there.changes.iter().map(format::change).collect();
        steps.push(step(what.join(", "), ending));
    }
    steps
}

fn ended(result: Result<(), kafka::Error>, right: &str) -> Ending {
    result.map_or_else(|error| failed(&error, right), |()| Ending::Done)
}

/// Returns a failure, with the missing right if Kafka denied access.
fn failed(error: &kafka::Error, right: &str) -> Ending {
    Ending::Failed(match error {
        kafka::Error::Refused(refusal) if refusal.is_authorization() => {
            format!("{error}: the bridge's user lacks the right {right} on this topic")
        }
        error => error.to_string(),
    })
}

impl Step {
    /// Formats a line for a person, with `width` columns for the name.
    pub(super) fn line(&self, width: usize) -> String {
        let (word, remark) = match &self.ending {
            Ending::Done => ("done", String::new()),
            Ending::Overtaken => ("done", ": somebody else was faster, so plan again".to_owned()),
            Ending::Left => ("left", ": needs --add-partitions".to_owned()),
            Ending::Failed(reason) => ("failed", format!(": {reason}")),
        };
        format!("{word:<8} {:<width$}  {}{remark}", self.topic, self.what)
    }

    /// Returns the result as JSON.
    pub(super) fn as_json(&self) -> Value {
        let (ending, reason) = match &self.ending {
            Ending::Done => ("done", None),
            Ending::Overtaken => ("overtaken", None),
            Ending::Left => ("left", Some("needs --add-partitions")),
            Ending::Failed(reason) => ("failed", Some(reason.as_str())),
        };
        json!({ "topic": self.topic, "change": self.what, "outcome": ending, "reason": reason })
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self.ending, Ending::Failed(_))
    }

    /// Returns true if the topic certainly matches the settings.
    pub(super) fn is_done(&self) -> bool {
        self.ending == Ending::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{Error, KafkaRefusal};

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

    #[test]
    fn missing_right_is_reported() {
        let words = "Topic authorization failed".to_owned();
        let refused = |is_authorization| {
            let refusal = KafkaRefusal::BrokerError { words: words.clone(), is_authorization };
            failed(&Error::Refused(refusal), "Create")
        };
        let Ending::Failed(text) = refused(true) else { panic!("it failed") };
        assert!(text.contains("lacks the right Create"), "{text}");
        let Ending::Failed(text) = refused(false) else { panic!("it failed") };
        assert!(!text.contains("Create"), "{text}");
    }
}
