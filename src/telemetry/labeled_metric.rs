//! Metric with labels. Series are resolved at start, and never for an event.

use super::catalogue::{Label, LabelValues, MetricDescription};
use super::registry::register;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Metric, Registry};

#[derive(Debug)]
pub(super) struct LabeledMetric<M> {
    family: Family<Vec<(&'static str, String)>, M>,
    labels: &'static [Label],
}

impl<M: Metric + TypedMetric + Clone + Default> LabeledMetric<M> {
    pub(super) fn register(registry: &mut Registry, description: &MetricDescription) -> Self {
        let family = register(registry, description, Family::default());
        Self { family, labels: description.labels }
    }

    /// Returns the series of these values, in the order of the labels.
    pub(super) fn of<const N: usize>(&self, values: [&str; N]) -> M {
        assert_eq!(values.len(), self.labels.len(), "{values:?}");
        let labels = self.labels.iter().zip(values).map(|(label, value)| (label.name, value.to_owned()));
        self.family.get_or_create_owned(&labels.collect())
    }

    /// Returns a series for each value of the only label, in the catalogue's order.
    pub(super) fn each(&self) -> Vec<(&'static str, M)> {
        let [Label { values: LabelValues::Of(tags), .. }] = self.labels else { return Vec::new() };
        tags.iter().map(|tag| (*tag, self.of([tag]))).collect()
    }
}
