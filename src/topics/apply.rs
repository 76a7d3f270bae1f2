//! Applies the changes of a plan. A failed change does not stop the others.

use super::plan::{Entry, State, TopicsPlan};
use crate::kafka::{self, Cluster, TopicsConfig};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) topic: String,
    /// With values.
    pub(crate) what: String,
    pub(crate) ending: Ending,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    /// Another process created the topic.
    Overtaken,
    /// The change needs a consent that was not given.
    Left,
    Failed(String),
}

pub(crate) async fn apply(
    cluster: &Cluster,
    plan: &TopicsPlan,
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
        steps.push(step(widening.to_string(), ending));
    }
    if !there.changes.is_empty() {
        let changes = there.changes.iter().map(|it| (it.name.clone(), it.wanted.clone())).collect();
        let ending = ended(cluster.set_topic_config(topic, &changes).await, "AlterConfigs");
        let what: Vec<String> = there.changes.iter().map(ToString::to_string).collect();
        steps.push(step(what.join(", "), ending));
    }
    steps
}

fn ended(result: Result<(), kafka::Error>, right: &str) -> Ending {
    result.map_or_else(|error| failed(&error, right), |()| Ending::Done)
}

/// Adds the missing right if Kafka denied access.
fn failed(error: &kafka::Error, right: &str) -> Ending {
    Ending::Failed(match error {
        kafka::Error::Refused(refusal) if refusal.is_authorization() => {
            format!("{error}: the bridge's user lacks the right {right} on this topic")
        }
        error => error.to_string(),
    })
}

impl Step {
    pub(crate) fn is_failed(&self) -> bool {
        matches!(self.ending, Ending::Failed(_))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.ending == Ending::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{Error, KafkaRefusal};

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
