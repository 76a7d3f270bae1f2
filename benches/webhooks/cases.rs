mod alone;
mod durable;
mod load;

use super::bench::Bench;

/// Bytes of an ordinary body.
pub(crate) const BODY: usize = 300;

pub(crate) const TOPICS: usize = 9;

const CONNECTIONS: usize = 64;

pub(crate) const FULL: usize = 256;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Bench),
    pub(crate) is_usual: bool,
}

const fn usual(name: &'static str, about: &'static str, run: fn(&Bench)) -> Case {
    Case { name, about, run, is_usual: true }
}

pub(crate) const CASES: &[Case] = &[
    usual("direct", "nine topics of six partitions, by connections", load::direct),
    usual("headers", "cost of the bridge's headers, on a floor that writes them too", load::headers),
    usual("half-load", "latency in an open loop at half of the floor's rate", load::half_load),
    usual("lone", "isolated requests", alone::isolated),
    usual("sizes", "bodies of 300 B, 4 KiB, 64 KiB and 900 KiB", load::sizes),
    usual("live", "the live dialect, whose bodies are three times as long", load::live),
    usual("signatures", "signed against unsigned", load::signatures),
    usual("routes", "1, 5 and 500 routes against none", load::routes),
    usual("topics", "into one partition, one topic, nine topics", load::topics),
    usual("fan-out", "one event into one topic and into five", load::fan_out),
    usual("duplicates", "repeated events", load::duplicates),
    usual("rejected", "events that become dead letters", load::rejected),
    usual("spool", "during an outage of Kafka, against direct", durable::spool),
    usual("drain", "after the outage, with traffic beside it", durable::drain),
    usual("memory", "idle and at full load", alone::memory),
    usual("start", "from start to ready", alone::start),
    usual("binary", "the program's size", alone::binary),
    Case { name: "linger", about: "linger.ms by connections", run: load::linger, is_usual: false },
];
