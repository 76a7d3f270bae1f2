//! Running server, as both listeners use it.

use actix_web::dev::{Server, ServerHandle};
use std::io;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// Seconds that a graceful stop waits for connections to read their last response.
pub(super) const LINGER_SECONDS: u64 = 2;

/// Running server with its address.
pub(super) struct Listener {
    addr: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Runs a bound server on the current tokio runtime. Its workers have their own threads.
    pub(super) fn start(addr: SocketAddr, server: Server) -> Self {
        Self { addr, handle: server.handle(), server: tokio::spawn(server) }
    }

    /// Returns the bound address.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the listening socket, then the connections: after the responses in progress if `graceful`,
    /// otherwise at once.
    pub(super) async fn stop(self, graceful: bool) {
        self.handle.stop(graceful).await;
        match self.server.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, addr = %self.addr, "listener stopped with an error"),
            Err(error) => tracing::warn!(%error, addr = %self.addr, "listener task failed"),
        }
    }
}

/// Returns a function that adds the address to an error of bind.
pub(super) fn cannot_bind(addr: SocketAddr) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
}
