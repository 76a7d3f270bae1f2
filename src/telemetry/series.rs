//! Metrics with labels. A series is looked up once, by those who will count in it; never for an event.

use super::catalogue::{Description, Label, Values};
use super::metrics::register;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Metric, Registry};

/// The series of one metric, by the values of its labels.
#[derive(Debug)]
pub(super) struct Series<M> {
    family: Family<Vec<(&'static str, String)>, M>,
    labels: &'static [Label],
}

impl<M: Metric + TypedMetric + Clone + Default> Series<M> {
    pub(super) fn register(registry: &mut Registry, description: &Description) -> Self {
        let family = register(registry, description, Family::default());
        Self { family, labels: description.labels }
    }

    /// The series of these values, which stand in the order of the labels. At zero if it is new.
    pub(super) fn of<const N: usize>(&self, values: [&str; N]) -> M {
        assert_eq!(values.len(), self.labels.len(), "{values:?}");
        let labels = self.labels.iter().zip(values).map(|(label, value)| (label.name, value.to_owned()));
        self.family.get_or_create_owned(&labels.collect())
    }

    /// The series of each value of the only label, in the catalogue's order.
    pub(super) fn each(&self) -> Vec<(&'static str, M)> {
        let [Label { values: Values::Of(tags), .. }] = self.labels else { return Vec::new() };
        tags.iter().map(|tag| (*tag, self.of([tag]))).collect()
    }
}
