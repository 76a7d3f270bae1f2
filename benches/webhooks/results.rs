use super::gauge::load::Sample;
use super::gauge::ratio::{Ratio, middle};
use super::goals::{Bound, GOALS};
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    pub(crate) facts: Vec<Fact>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) name: String,
    /// The baseline, or the bridge in another state.
    pub(crate) against: &'static str,
    pub(crate) base: Vec<Sample>,
    pub(crate) ours: Vec<Sample>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Fact {
    pub(crate) case: &'static str,
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

impl Row {
    pub(crate) fn ratio(&self, figure: fn(&Sample) -> f64) -> Ratio {
        let of = |samples: &[Sample]| samples.iter().map(figure).collect::<Vec<_>>();
        Ratio::of(&of(&self.ours), &of(&self.base))
    }

    /// Returns the median over rounds.
    pub(crate) fn difference(&self, figure: fn(&Sample) -> f64) -> f64 {
        let pairs = self.ours.iter().zip(&self.base);
        middle(&pairs.map(|(ours, base)| figure(ours) - figure(base)).collect::<Vec<_>>())
    }

    pub(crate) fn middle(&self, figure: fn(&Sample) -> f64) -> f64 {
        Self::middle_of(&self.ours, figure)
    }

    fn middle_of(samples: &[Sample], figure: fn(&Sample) -> f64) -> f64 {
        middle(&samples.iter().map(figure).collect::<Vec<_>>())
    }

    fn line(&self) -> String {
        let both = |figure: fn(&Sample) -> f64| (Self::middle_of(&self.base, figure), self.middle(figure));
        let spread = |Ratio { middle, least, most }| format!("**{middle:.2}** ({least:.2} to {most:.2})");
        let (base_rate, rate) = both(|sample| sample.rate);
        let (base_cpu, cpu) = both(|sample| sample.cpu);
        let ((base_p50, p50), (base_p99, p99)) = (both(|sample| sample.p50), both(|sample| sample.p99));
        format!(
            "| {} | {} | {base_rate:.0} | {rate:.0} | {} | {base_cpu:.1} | {cpu:.1} | {} | {base_p50:.2}, {base_p99:.2} | {p50:.2}, {p99:.2} |",
            format_args!("{}: {}", self.case, self.name),
            self.against,
            spread(self.ratio(|sample| sample.rate)),
            spread(self.ratio(|sample| sample.cpu)),
        )
    }
}

impl Fact {
    pub(crate) fn middle(&self) -> f64 {
        middle(&self.values)
    }

    fn line(&self) -> String {
        let (least, most) = self
            .values
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(*value), most.max(*value)));
        format!("| {}: {} | {:.2} | {least:.2} to {most:.2} |", self.case, self.name, self.middle())
    }
}

impl Results {
    pub(crate) fn markdown(&self) -> String {
        let rows = table(
            "| case | against | its events/s | bridge's | ratio | its CPU, µs | bridge's | ratio | its p50, p99, ms | bridge's |",
            self.rows.iter().map(Row::line),
        );
        let facts = table("| figure | median | spread |", self.facts.iter().map(Fact::line));
        let goals = table("| goal | bound | measured | |", self.goals().map(|goal| goal.line()));
        [rows, facts, goals].concat()
    }

    pub(crate) fn missed(&self) -> Vec<String> {
        let missed = self.goals().filter(|goal| !goal.is_met);
        missed.map(|goal| format!("{}: {:.2}, and {} is wanted", goal.name, goal.value, goal.bound)).collect()
    }

    fn goals(&self) -> impl Iterator<Item = Measured> {
        GOALS.iter().filter_map(|goal| {
            let value = goal.measured(self)?;
            let bound = match goal.bound {
                Bound::AtLeast(bound) => format!("at least {bound}"),
                Bound::AtMost(bound) => format!("at most {bound}"),
            };
            Some(Measured { name: goal.name(), bound, value, is_met: goal.is_met_by(value) })
        })
    }
}

struct Measured {
    name: String,
    bound: String,
    value: f64,
    is_met: bool,
}

impl Measured {
    fn line(&self) -> String {
        let verdict = if self.is_met { "met" } else { "**missed**" };
        format!("| {} | {} | {:.2} | {verdict} |", self.name, self.bound, self.value)
    }
}

/// Returns nothing for no rows.
fn table(head: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| line + "\n").collect();
    let rule = "|---".repeat(head.matches('|').count() - 1);
    if lines.is_empty() { lines } else { format!("{head}\n{rule}|\n{lines}\n") }
}
