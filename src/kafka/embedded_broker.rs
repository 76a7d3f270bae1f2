use super::Error;
use rdkafka::mocking::MockCluster;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Broker for development. Keeps 5 MiB of each partition in memory, and cannot create topics on request.
pub(crate) struct EmbeddedBroker {
    bootstrap_servers: String,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Starts a broker on a free port of 127.0.0.1.
    pub(crate) fn start(topics: Vec<String>, partitions: i32) -> Result<Self, Error> {
        let (started, start) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        // librdkafka ties a mock cluster to the thread that created it.
        let thread = std::thread::Builder::new().name("embedded-broker".into()).spawn(move || {
            let cluster = MockCluster::new(1).and_then(|cluster| {
                topics.iter().try_for_each(|topic| cluster.create_topic(topic, partitions, 1))?;
                Ok(cluster)
            });
            let up = cluster.as_ref().map(MockCluster::bootstrap_servers).map_err(ToString::to_string);
            if started.send(up).is_ok() {
                let _ = stopped.recv();
            }
        })?;
        let bootstrap_servers = start
            .recv()
            .map_err(|_| Error::Client("the embedded broker ended at once".into()))?
            .map_err(Error::Client)?;
        Ok(Self { bootstrap_servers, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
