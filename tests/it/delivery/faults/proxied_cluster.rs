use crate::kit::kafka::{Kafka, Options};
use crate::kit::proxy::Proxy;

const LISTENER: &str = "WIRED";

pub(crate) struct ProxiedCluster {
    pub(crate) kafka: Kafka,
    brokers: usize,
    proxies: Vec<Proxy>,
}

impl ProxiedCluster {
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
                // A replaced leader takes over again soon after its return.
                .property("leader.imbalance.check.interval.seconds", "2")
                .property("leader.imbalance.per.broker.percentage", "0");
        }
        let kafka = Kafka::start(options);
        for (index, proxy) in proxies.iter().enumerate() {
            proxy.set_target(kafka.broker(index).address(LISTENER));
        }
        Self { kafka, brokers, proxies }
    }

    pub(crate) fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self.proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        addresses.join(",")
    }

    pub(crate) fn brokers(&self) -> usize {
        self.brokers
    }

    pub(crate) fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    pub(crate) fn restart_dead_brokers(&self) {
        for index in 0..self.brokers {
            if !self.kafka.broker(index).is_running() {
                self.kafka.broker(index).start();
            }
        }
        self.kafka.await_answer().unwrap_or_else(|log| panic!("Kafka does not start again:\n{log}"));
    }

    pub(crate) fn end_faults(&self) {
        self.proxies().iter().for_each(Proxy::pass);
        self.kafka.thaw();
        self.restart_dead_brokers();
    }
}
