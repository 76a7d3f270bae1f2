//! actix's server with every connection paced.

use super::Config;
use super::crowd::Crowd;
use super::listener::{LINGER_SECONDS, cannot_bind};
use super::paced::Paced;
use super::problem::MAX_FRAMING;
use super::tls::{self, Certificate};
use crate::watch::Watched;
use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, Request, Response};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::rt::net::TcpStream;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 2048;

/// Bytes that the kernel buffers for a connection each way; Linux takes twice that for its bookkeeping.
const SOCKET_BUFFER: u32 = 64 * 1024;

/// How many, and how long.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) workers: usize,
    /// Over all workers.
    pub(super) connections: usize,
    /// How long a connection is read on after an answer that came before the body's end.
    pub(super) linger: Duration,
    pub(super) crowd: Crowd,
}

/// A connection, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

type Connection = Box<dyn Stream>;

/// Binds the address and serves `app` on it, one for each worker; over TLS where there is a
/// certificate.
///
/// # Errors
/// When the address cannot be bound.
pub(super) fn bind<A, I, S, B>(
    config: &Config,
    certificate: Option<&Arc<Watched<Certificate>>>,
    limits: Limits,
    app: A,
) -> io::Result<(SocketAddr, Server)>
where
    A: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = ()> + 'static,
    S::Error: Into<Response<BoxBody>>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let acceptor = match certificate {
        Some(certificate) => Some(TlsAcceptor::from(Arc::new(tls::server_config(certificate)?))),
        None => None,
    };
    let listener = listen(config.listen).map_err(cannot_bind(config.listen))?;
    let addr = listener.local_addr()?;
    let builder = Server::build()
        .workers(limits.workers)
        .max_concurrent_connections(limits.connections.div_ceil(limits.workers))
        .shutdown_timeout(LINGER_SECONDS)
        .disable_signals();
    let stop = builder.graceful_shutdown_signal();
    let (keep_alive, header_timeout) = (config.keep_alive, config.header_timeout);
    let max_chunked = config.max_body_bytes + MAX_FRAMING;
    let server = builder.listen("ingress", listener, move || {
        let (stop, crowd, acceptor) = (stop.clone(), limits.crowd.clone(), acceptor.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stop = stop.clone();
                async move { stop.notified().await }
            })
            .keep_alive(keep_alive)
            // What paces a connection has a timer for every head; this one is for the first only.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(limits.linger)
            .on_connect_ext(|io: &Paced<Connection>, data: &mut Extensions| {
                data.insert(io.turn());
            })
            .h1(app());
        fn_service(move |io: TcpStream| {
            let (open, acceptor) = (crowd.enter(), acceptor.clone());
            async move {
                // Without it an answer is merely later.
                let _ = io.set_nodelay(true);
                let peer = io.peer_addr().ok();
                let since = Instant::now();
                // A probe of a load balancer connects and sends nothing: that is no failed handshake.
                if acceptor.is_some() && !sends(&io, header_timeout).await {
                    return Err(DispatchError::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                let io = connect(io, acceptor, header_timeout.saturating_sub(since.elapsed()))
                    .await
                    .map_err(|error| {
                        open.turned_away("tls_handshake");
                        DispatchError::Io(error)
                    })?;
                Ok((Paced::new(io, header_timeout, max_chunked, Some(open)), peer))
            }
        })
        .and_then(http)
    })?;
    Ok((addr, server.run()))
}

/// Returns whether a client sends a byte in time.
async fn sends(io: &TcpStream, patience: Duration) -> bool {
    matches!(timeout(patience, io.peek(&mut [0])).await, Ok(Ok(1..)))
}

/// Shakes hands where there is TLS; `patience` is how long that may take.
async fn connect(io: TcpStream, tls: Option<TlsAcceptor>, patience: Duration) -> io::Result<Connection> {
    match tls {
        None => Ok(Box::new(io)),
        Some(tls) => Ok(Box::new(timeout(patience, tls.accept(io)).await??)),
    }
}

fn listen(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Left alone, the kernel keeps up to 10 MB for a client that sends and does not read.
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn kernel_buffers_little_for_each_connection() {
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let socket = TcpSocket::from_std_stream(listener.accept().unwrap().0);
        // Linux doubles what it is given.
        assert!(socket.recv_buffer_size().unwrap() <= 2 * SOCKET_BUFFER);
        assert!(socket.send_buffer_size().unwrap() <= 2 * SOCKET_BUFFER);
    }
}
