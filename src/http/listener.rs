//! Running server, as both listeners use it.

use actix_web::dev::{Server, ServerHandle};
use std::io;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// Seconds for connections to read their last response.
pub(super) const LINGER_SECONDS: u64 = 2;

pub(super) struct Listener {
    addr: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Workers have their own threads.
    pub(super) fn start(addr: SocketAddr, server: Server) -> Self {
        Self { addr, handle: server.handle(), server: tokio::spawn(server) }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// If `graceful`, responses in progress end first.
    pub(super) async fn stop(self, graceful: bool) {
        self.handle.stop(graceful).await;
        match self.server.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, addr = %self.addr, "listener stopped with an error"),
            Err(error) => tracing::warn!(%error, addr = %self.addr, "listener task failed"),
        }
    }
}

pub(super) fn cannot_bind(addr: SocketAddr) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
}
