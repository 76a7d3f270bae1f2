//! What was measured, as the tables that stand in docs/PERFORMANCE.md.

use super::gauge::load::Sample;
use super::gauge::ratio::{Ratio, middle};
use super::goals::{Bound, GOALS};
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    pub(crate) facts: Vec<Fact>,
}

/// Two sides that were measured in turn.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) name: String,
    /// What the bridge is held against: the floor, or itself in another state.
    pub(crate) against: &'static str,
    /// By round.
    pub(crate) base: Vec<Sample>,
    pub(crate) ours: Vec<Sample>,
}

/// A figure that stands alone, measured several times.
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

    pub(crate) fn middle(samples: &[Sample], figure: fn(&Sample) -> f64) -> f64 {
        middle(&samples.iter().map(figure).collect::<Vec<_>>())
    }

    fn line(&self) -> String {
        let both =
            |figure: fn(&Sample) -> f64| (Self::middle(&self.base, figure), Self::middle(&self.ours, figure));
        let spread = |Ratio { middle, least, most }| format!("**{middle:.2}** ({least:.2} to {most:.2})");
        let (base_rate, rate) = both(|sample| sample.rate);
        let (base_cpu, cpu) = both(|sample| sample.cpu);
        let ((base_p50, p50), (base_p99, p99)) = (both(|sample| sample.p50), both(|sample| sample.p99));
        format!(
            "| {} | {} | {base_rate:.0} | {rate:.0} | {} | {base_cpu:.1} | {cpu:.1} | {} | {base_p50:.2}, {base_p99:.2} | {p50:.2}, {p99:.2} |",
            Self::label(self.case, &self.name),
            self.against,
            spread(self.ratio(|sample| sample.rate)),
            spread(self.ratio(|sample| sample.cpu)),
        )
    }

    fn label(case: &str, name: &str) -> String {
        format!("{case}: {name}")
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
    /// Prints everything as Markdown. Returns the goals that were missed.
    pub(crate) fn print(&self) -> Vec<String> {
        if !self.rows.is_empty() {
            println!(
                "| case | against | its events/s | bridge's | ratio | its CPU µs | bridge's | ratio | its p50, p99 ms | bridge's |"
            );
            println!("|---|---|---|---|---|---|---|---|---|---|");
            self.rows.iter().for_each(|row| println!("{}", row.line()));
            println!();
        }
        if !self.facts.is_empty() {
            println!("| figure | median | spread |\n|---|---|---|");
            self.facts.iter().for_each(|fact| println!("{}", fact.line()));
            println!();
        }
        let mut missed = Vec::new();
        let measured = GOALS.iter().filter_map(|goal| Some((goal, goal.measured(self)?)));
        let mut measured = measured.peekable();
        if measured.peek().is_some() {
            println!("| goal | bound | measured | |\n|---|---|---|---|");
        }
        for (goal, value) in measured {
            let bound = match goal.bound {
                Bound::AtLeast(bound) => format!("at least {bound}"),
                Bound::AtMost(bound) => format!("at most {bound}"),
            };
            let is_met = goal.is_met_by(value);
            println!(
                "| {} | {bound} | {value:.2} | {} |",
                goal.name(),
                if is_met { "met" } else { "**missed**" }
            );
            if !is_met {
                missed.push(format!("{}: {value:.2}, and {bound} is wanted", goal.name()));
            }
        }
        missed
    }
}
