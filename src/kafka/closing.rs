//! The end of a client of librdkafka.

use std::ops::Deref;
use std::sync::mpsc::channel;
use std::time::Duration;

/// A client that is destroyed on a thread of its own.
///
/// Destroying it waits for librdkafka's broker threads, which may wait for DNS for longer than a stop or a
/// replacement may take.
pub(super) struct Closing<T: Send + 'static>(Option<T>);

/// Longest time for which the holder waits for the client to be destroyed.
const DESTROY_TIMEOUT: Duration = Duration::from_millis(500);

impl<T: Send + 'static> Closing<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for Closing<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("the client is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Closing<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        let (done, destroyed) = channel();
        let destroy = move || {
            drop(client);
            let _ = done.send(());
        };
        // If no thread can be started, the closure and the client with it are dropped here.
        if std::thread::Builder::new().name("kafka-destroy".into()).spawn(destroy).is_ok()
            && destroyed.recv_timeout(DESTROY_TIMEOUT).is_err()
        {
            tracing::warn!("a former Kafka client is still closing, as when DNS does not answer");
        }
    }
}
