//! Connections of which a new one ends the oldest, so that idle ones keep no probe out.

use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Open connections, the oldest first.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<Mutex<VecDeque<Arc<Slot>>>>);

/// State of one connection that others may end.
#[derive(Default)]
struct Slot {
    is_evicted: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Connections {
    /// Adds a connection. With more than `max` open, the oldest ones end.
    pub(super) fn add<T>(&self, io: T, max: usize) -> Evictable<T> {
        let slot = Arc::new(Slot::default());
        let mut open = self.open();
        open.push_back(Arc::clone(&slot));
        while open.len() > max
            && let Some(oldest) = open.pop_front()
        {
            oldest.evict();
        }
        drop(open);
        Evictable { io, slot, connections: self.clone() }
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn evict(&self) {
        self.is_evicted.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    fn is_evicted(&self, waker: &AtomicWaker, cx: &Context<'_>) -> bool {
        // Registered before the look, or an eviction between the two would wake nothing.
        waker.register(cx.waker());
        self.is_evicted.load(Ordering::Acquire)
    }
}

/// A connection that ends, for reader and writer, once it is evicted.
pub(super) struct Evictable<T> {
    io: T,
    slot: Arc<Slot>,
    connections: Connections,
}

impl<T> Drop for Evictable<T> {
    fn drop(&mut self) {
        self.connections.open().retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

fn evicted<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl<T: AsyncRead + Unpin> AsyncRead for Evictable<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.slot.is_evicted(&this.slot.reader, cx) {
            return evicted();
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Evictable<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.slot.is_evicted(&this.slot.writer, cx) {
            return evicted();
        }
        Pin::new(&mut this.io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.slot.is_evicted(&this.slot.writer, cx) {
            return evicted();
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.slot.is_evicted(&this.slot.writer, cx) {
            return evicted();
        }
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}
