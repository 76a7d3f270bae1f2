//! A cluster behind wires that can be cut, and its way back to health.

use crate::kit::kafka::{Kafka, Options};
use crate::kit::proxy::Proxy;

const LISTENER: &str = "WIRED";

/// A cluster that the bridge reaches through proxies alone; whoever judges it asks it directly.
pub(crate) struct Wired {
    pub(crate) kafka: Kafka,
    brokers: usize,
    proxies: Vec<Proxy>,
}

impl Wired {
    pub(crate) fn start(brokers: usize) -> Self {
        let proxies: Vec<Proxy> = (0..brokers).map(|_| Proxy::listen()).collect();
        let ports = proxies.iter().map(|proxy| proxy.address().port()).collect();
        let mut options = Options {
            brokers,
            listeners: vec![(LISTENER, "PLAINTEXT")],
            advertised: Some((LISTENER, ports)),
            ..Options::default()
        };
        if brokers == 3 {
            options = options
                .property("min.insync.replicas", "2")
                // A leader that was replaced takes over again soon after its return.
                .property("leader.imbalance.check.interval.seconds", "2")
                .property("leader.imbalance.per.broker.percentage", "0");
        }
        let kafka = Kafka::start(options);
        for (index, proxy) in proxies.iter().enumerate() {
            proxy.aim(kafka.broker(index).address(LISTENER));
        }
        Self { kafka, brokers, proxies }
    }

    /// What the bridge is told.
    pub(crate) fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self.proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        addresses.join(",")
    }

    pub(crate) fn brokers(&self) -> usize {
        self.brokers
    }

    pub(crate) fn wires(&self) -> &[Proxy] {
        &self.proxies
    }

    /// Starts those brokers again that are dead, and waits until all answer.
    pub(crate) fn revive(&self) {
        for index in 0..self.brokers {
            if !self.kafka.broker(index).is_running() {
                self.kafka.broker(index).start();
            }
        }
        self.kafka.await_answer().unwrap_or_else(|log| panic!("Kafka does not start again:\n{log}"));
    }

    /// Undoes whatever a case may have left.
    pub(crate) fn heal(&self) {
        self.wires().iter().for_each(Proxy::pass);
        self.kafka.thaw();
        self.revive();
    }
}
