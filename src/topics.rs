//! Topics that the settings can yield: plan, least rights and exports.

mod acls;
mod apply;
mod export;
mod plan;

pub(crate) use acls::Purpose;
pub(crate) use apply::{Ending, Step, apply};
pub(crate) use export::{ApiVersion, Authentication, Export, ExportFormat, Strimzi, is_kubernetes_name};
pub(crate) use plan::{Change, Counts, Difference, Entry, State, There, TopicsPlan, Widening};

use crate::config::Settings;
use crate::kafka::{self, Cluster};
use crate::routing::{InvalidRoutes, RouteTable};
use std::sync::Arc;

/// Fails if the routes contradict each other, which loaded settings never do.
pub(crate) fn of(settings: &Settings) -> Result<Vec<Arc<str>>, InvalidRoutes> {
    let table = RouteTable::compile(&settings.routing).map_err(InvalidRoutes)?;
    Ok(of_table(settings, &table))
}

pub(crate) fn of_table(settings: &Settings, table: &RouteTable) -> Vec<Arc<str>> {
    let dead_letter = Arc::from(settings.ingest.dead_letter.topic.as_str());
    table.topics().cloned().chain([dead_letter]).collect()
}

pub(crate) async fn compare(
    settings: &Settings,
    topics: &[Arc<str>],
) -> Result<(Cluster, TopicsPlan), kafka::Error> {
    let cluster = Cluster::connect(&settings.kafka).await?;
    let names: Vec<String> = topics.iter().map(ToString::to_string).collect();
    let described = cluster.describe(&names).await?;
    let plan = TopicsPlan::new(topics, &described, &settings.kafka.topics);
    Ok((cluster, plan))
}
