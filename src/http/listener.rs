//! What both listeners share: a server that runs from its bind to its stop.

use actix_web::dev::{Server, ServerHandle};
use std::io;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// Seconds that a graceful stop waits for connections to take their last answer.
pub(super) const LINGER_SECONDS: u64 = 2;

/// A running server.
pub(super) struct Listener {
    addr: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Runs a bound server on the current tokio runtime; its workers are threads of their own.
    pub(super) fn start(addr: SocketAddr, server: Server) -> Self {
        Self { addr, handle: server.handle(), server: tokio::spawn(server) }
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the listening socket, then the connections: at once, or where `graceful` after the
    /// answers under way.
    pub(super) async fn stop(self, graceful: bool) {
        self.handle.stop(graceful).await;
        match self.server.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, addr = %self.addr, "a listener did not stop cleanly"),
            Err(error) => tracing::warn!(%error, addr = %self.addr, "a listener ended early"),
        }
    }
}

/// Says which address it was that could not be bound.
pub(super) fn cannot_bind(addr: SocketAddr) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
}
