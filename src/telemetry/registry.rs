//! Registration of metrics.

use super::catalogue::MetricDescription;
use prometheus_client::registry::{Metric, Registry};

pub(super) fn register<M: Metric + Clone>(
    registry: &mut Registry,
    description: &MetricDescription,
    metric: M,
) -> M {
    registry.register(description.registered_name(), description.help, metric.clone());
    metric
}
