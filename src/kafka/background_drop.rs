use std::ops::Deref;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Client that is destroyed on its own thread. The destruction waits for librdkafka's broker threads, which
/// may wait for DNS.
pub(super) struct BackgroundDrop<T: Send + 'static>(Option<T>);

/// Longest wait of the dropping thread.
const DESTROY_TIMEOUT: Duration = Duration::from_millis(500);

impl<T: Send + 'static> BackgroundDrop<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for BackgroundDrop<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("the client is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for BackgroundDrop<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        let (done, destroyed) = channel();
        let destroy = move || {
            drop(client);
            let _ = done.send(());
        };
        // If no thread starts, the closure drops the client here.
        if std::thread::Builder::new().name("kafka-destroy".into()).spawn(destroy).is_ok()
            && destroyed.recv_timeout(DESTROY_TIMEOUT).is_err()
        {
            tracing::warn!("a former Kafka client is still closing, as when DNS does not answer");
        }
    }
}
