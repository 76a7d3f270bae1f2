use super::results::Results;

pub(crate) struct Goal {
    pub(crate) case: &'static str,
    pub(crate) row: &'static str,
    pub(crate) figure: Figure,
    pub(crate) bound: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Events a second, relative to the other side.
    Rate,
    /// Ratio to the other side, for each event.
    Cpu,
    /// Microseconds above the other side, for each event.
    MoreCpu,
    /// In milliseconds.
    P50,
    /// Relative to the other side.
    P99,
    Alone,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};
use Figure::{Alone, Cpu, MoreCpu, P50, P99, Rate};

const fn goal(case: &'static str, row: &'static str, figure: Figure, bound: Bound) -> Goal {
    Goal { case, row, figure, bound }
}

pub(crate) const GOALS: &[Goal] = &[
    goal("direct", "16 connections", Rate, AtLeast(0.95)),
    goal("direct", "64 connections", Rate, AtLeast(0.95)),
    goal("direct", "256 connections", Rate, AtLeast(0.95)),
    goal("direct", "16 connections", Cpu, AtMost(1.15)),
    goal("direct", "64 connections", Cpu, AtMost(1.15)),
    goal("direct", "256 connections", Cpu, AtMost(1.15)),
    goal("half-load", "half of the floor's rate", P99, AtMost(1.1)),
    goal("direct", "1 connection", P50, AtMost(0.5)),
    goal("lone", "bridge, median in ms", Alone, AtMost(0.5)),
    goal("signatures", "signed", MoreCpu, AtMost(3.0)),
    goal("routes", "500 routes", Rate, AtLeast(0.9)),
    goal("routes", "500 routes for one type", Rate, AtLeast(0.9)),
    goal("spool", "spooled, 64 connections", Rate, AtLeast(0.5)),
    goal("drain", "drained, of what comes in meanwhile", Alone, AtLeast(3.0)),
    goal("memory", "bridge idle, MiB", Alone, AtMost(24.0)),
    goal("memory", "bridge at full load, at most, MiB", Alone, AtMost(64.0)),
    goal("start", "from start to ready, ms", Alone, AtMost(200.0)),
    goal("binary", "stripped, MB", Alone, AtMost(25.0)),
];

impl Goal {
    pub(crate) fn measured(&self, results: &Results) -> Option<f64> {
        if self.figure == Alone {
            let fact = results.facts.iter().find(|fact| fact.case == self.case && fact.name == self.row)?;
            return Some(fact.middle());
        }
        let row = results.rows.iter().find(|row| row.case == self.case && row.name == self.row)?;
        Some(match self.figure {
            Rate => row.ratio(|sample| sample.rate).middle,
            Cpu => row.ratio(|sample| sample.cpu).middle,
            P50 => row.middle(|sample| sample.p50),
            P99 => row.ratio(|sample| sample.p99).middle,
            MoreCpu => row.difference(|sample| sample.cpu),
            Alone => return None,
        })
    }

    pub(crate) fn is_met_by(&self, value: f64) -> bool {
        match self.bound {
            AtLeast(bound) => value >= bound,
            AtMost(bound) => value <= bound,
        }
    }

    pub(crate) fn name(&self) -> String {
        let figure = match self.figure {
            Rate => ": events/s, of the other side's",
            Cpu => ": CPU for an event, of the other side's",
            MoreCpu => ": CPU for an event above the other side's, µs",
            P50 => ": p50, ms",
            P99 => ": p99, of the other side's",
            Alone => "",
        };
        format!("{}: {}{figure}", self.case, self.row)
    }
}
