mod broker;

use broker::Broker;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// An idle machine needs two seconds.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A client that gets no brokers may never recover. A busy machine needs some seconds for the first answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) struct Options {
    /// Each is a controller too.
    pub(crate) brokers: usize,
    /// Overrides the kit's `server.properties`.
    pub(crate) properties: Vec<(String, String)>,
    /// Beside the plain one: a name in capitals and a security protocol.
    pub(crate) listeners: Vec<(&'static str, &'static str)>,
    pub(crate) format: Vec<String>,
    /// Listener, and a port for each broker.
    pub(crate) advertised: Option<(&'static str, Vec<u16>)>,
    pub(crate) jvm: &'static [&'static str],
}

const QUICK_START: &[&str] =
    &["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN"];

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: 1,
            properties: Vec::new(),
            listeners: Vec::new(),
            format: Vec::new(),
            advertised: None,
            jvm: QUICK_START,
        }
    }
}

impl Options {
    pub(crate) fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Ends when dropped, or with the test process.
pub(crate) struct Kafka {
    brokers: Vec<Broker>,
    bootstrap: String,
}

impl Kafka {
    /// `KAFKA_BOOTSTRAP` replaces the cluster.
    pub(crate) fn shared() -> &'static SharedKafka {
        static SHARED: OnceLock<SharedKafka> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("KAFKA_BOOTSTRAP") {
            Ok(bootstrap) => SharedKafka { bootstrap, _own: None },
            Err(_) => {
                let own = Self::start(Options::default());
                SharedKafka { bootstrap: own.bootstrap().to_owned(), _own: Some(own) }
            }
        })
    }

    pub(crate) fn start(options: Options) -> Self {
        // Another process may take a port between its choice and the broker's bind.
        for _ in 0..2 {
            match Self::try_start(&options) {
                Ok(kafka) => return kafka,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("Kafka does not start:\n{log}"),
            }
        }
        Self::try_start(&options).unwrap_or_else(|log| panic!("Kafka does not start:\n{log}"))
    }

    fn try_start(options: &Options) -> Result<Self, String> {
        let brokers = Broker::prepare(options);
        let bootstrap = bootstrap(&brokers, broker::PLAIN_LISTENER);
        let kafka = Self { brokers, bootstrap };
        kafka.brokers.iter().for_each(Broker::start);
        kafka.await_answer()?;
        Ok(kafka)
    }

    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(crate) fn listener(&self, name: &str) -> String {
        bootstrap(&self.brokers, name)
    }

    pub(crate) fn broker(&self, index: usize) -> &Broker {
        &self.brokers[index]
    }

    /// Connections stay open without an answer.
    pub(crate) fn freeze(&self) {
        self.brokers.iter().for_each(Broker::freeze);
    }

    pub(crate) fn thaw(&self) {
        self.brokers.iter().for_each(Broker::thaw);
    }

    pub(crate) fn kill(&self) {
        self.brokers.iter().for_each(Broker::kill);
    }

    /// Keeps ports and data.
    pub(crate) fn restart(&self) {
        self.kill();
        self.brokers.iter().for_each(Broker::start);
        self.await_answer().unwrap_or_else(|log| panic!("Kafka does not start again:\n{log}"));
    }

    pub(crate) fn restart_empty(&self) {
        self.kill();
        self.brokers.iter().for_each(Broker::wipe);
        self.restart();
    }

    /// Returns the log of a broker that is not a member.
    pub(crate) fn await_answer(&self) -> Result<(), String> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("reconnect.backoff.max.ms", "200");
        let client = || -> (BaseConsumer, Instant) { (config.create().expect("a client"), Instant::now()) };
        let (mut asking, mut since) = client();
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(dead) = self.brokers.iter().find(|broker| !broker.is_running()) {
                return Err(dead.log());
            }
            if since.elapsed() > CLIENT_TIMEOUT {
                (asking, since) = client();
            }
            let answer = asking.fetch_metadata(None, Duration::from_secs(1));
            if answer.is_ok_and(|metadata| metadata.brokers().len() == self.brokers.len()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("no answer within {START_TIMEOUT:?}\n{}", self.brokers[0].log()))
    }
}

pub(crate) struct SharedKafka {
    bootstrap: String,
    _own: Option<Kafka>,
}

impl SharedKafka {
    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }
}

fn bootstrap(brokers: &[Broker], listener: &str) -> String {
    let addresses: Vec<String> = brokers.iter().map(|broker| broker.address(listener)).collect();
    addresses.join(",")
}
