//! Connections with a limited lifetime and number.

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Oldest first.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<Mutex<VecDeque<Arc<ConnectionSlot>>>>);

#[derive(Default)]
struct ConnectionSlot {
    is_evicted: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Connections {
    /// Adds a connection that ends after `max_age`, or as the oldest above `max`.
    pub(super) fn add<T>(&self, io: T, max: usize, max_age: Duration) -> Evictable<T> {
        let slot = Arc::new(ConnectionSlot::default());
        let mut open = self.0.lock();
        open.push_back(Arc::clone(&slot));
        while open.len() > max
            && let Some(oldest) = open.pop_front()
        {
            oldest.evict();
        }
        drop(open);
        Evictable { io, slot, deadline: Box::pin(sleep(max_age)), connections: self.clone() }
    }
}

impl ConnectionSlot {
    fn evict(&self) {
        self.is_evicted.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    fn is_evicted(&self, waker: &AtomicWaker, cx: &Context<'_>) -> bool {
        // Registered before the check: an eviction between the two would otherwise wake no task.
        waker.register(cx.waker());
        self.is_evicted.load(Ordering::Acquire)
    }
}

pub(super) struct Evictable<T> {
    io: T,
    slot: Arc<ConnectionSlot>,
    deadline: Pin<Box<Sleep>>,
    connections: Connections,
}

impl<T> Evictable<T> {
    /// `waker`: of the direction that is polled.
    fn has_ended(&mut self, waker: fn(&ConnectionSlot) -> &AtomicWaker, cx: &mut Context<'_>) -> bool {
        self.slot.is_evicted(waker(&self.slot), cx) || self.deadline.as_mut().poll(cx).is_ready()
    }
}

impl<T> Drop for Evictable<T> {
    fn drop(&mut self) {
        self.connections.0.lock().retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl<T: AsyncRead + Unpin> AsyncRead for Evictable<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_ended(|slot| &slot.reader, cx) {
            return closed();
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Evictable<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.has_ended(|slot| &slot.writer, cx) {
            return closed();
        }
        Pin::new(&mut this.io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_ended(|slot| &slot.writer, cx) {
            return closed();
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_ended(|slot| &slot.writer, cx) {
            return closed();
        }
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn connection_ends_at_its_maximum_age() {
        let age = Duration::from_millis(20);
        let connections = Connections::default();
        // This client reads nothing, and the next one sends nothing.
        let (_client, io) = tokio::io::duplex(8);
        assert!(connections.add(io, 1, age).write_all(&[0; 100]).await.is_err());
        let (_client, io) = tokio::io::duplex(8);
        assert!(connections.add(io, 1, age).read_u8().await.is_err());
        assert_eq!(connections.0.lock().len(), 0);
    }
}
