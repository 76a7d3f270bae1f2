//! The cases, each by the name that `--case` takes.

use super::bench::{Bench, Side};
use super::gauge::events::{Events, documented};
use super::kit::bridge::PATH;

/// Bytes of an ordinary body.
const BODY: usize = 300;

/// The documented types, a topic each.
const TOPICS: usize = 9;

/// What `--case` takes, what it tells, and how it is measured.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Bench),
}

pub(crate) const CASES: &[Case] =
    &[Case { name: "direct", about: "nine topics, by connections", run: direct }];

fn direct(bench: &Bench) {
    let events = Events::new(documented(BODY), PATH);
    let floor = bench.floor(TOPICS, 1);
    let bridge = bench.bridge(events.topics(), &[]);
    for connections in [1, 16, 64, 256] {
        let base = Side::closed("floor", floor.target(), &events, connections);
        let ours = Side::closed("bridge", bridge.target(), &events, connections);
        let name = format!("{connections} connection{}", if connections == 1 { "" } else { "s" });
        bench.compare("direct", &name, base, ours);
    }
}
