//! Server of the ingress: actix-http with every connection wrapped in a [`GuardedStream`].

use super::Config;
use super::connection_count::ConnectionCount;
use super::guarded_stream::GuardedStream;
use super::listener::{LINGER_SECONDS, cannot_bind};
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

const BACKLOG: u32 = 2048;

/// Bytes in each direction. Linux doubles them.
const SOCKET_BUFFER: u32 = 64 * 1024;

#[derive(Debug, Clone)]
pub(super) struct ServerLimits {
    pub(super) workers: usize,
    /// Number for all workers.
    pub(super) max_connections: usize,
    /// Time for which a connection is read after a response before the end of the body.
    pub(super) disconnect_timeout: Duration,
    pub(super) open_connections: ConnectionCount,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

type Connection = Box<dyn Stream>;

/// Serves one instance of `app` for each worker.
pub(super) fn bind<A, I, S, B>(
    config: &Config,
    certificate: Option<&Arc<Watched<Certificate>>>,
    limits: ServerLimits,
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
        .max_concurrent_connections(limits.max_connections.div_ceil(limits.workers))
        .shutdown_timeout(LINGER_SECONDS)
        .disable_signals();
    let stop = builder.graceful_shutdown_signal();
    let (keep_alive, header_timeout) = (config.keep_alive, config.header_timeout);
    let max_chunked = config.max_body_bytes + MAX_FRAMING;
    let server = builder.listen("ingress", listener, move || {
        let (stop, open_connections, acceptor) =
            (stop.clone(), limits.open_connections.clone(), acceptor.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stop = stop.clone();
                async move { stop.notified().await }
            })
            .keep_alive(keep_alive)
            // `GuardedStream` has a deadline for every head; this timer is for the first head only.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(limits.disconnect_timeout)
            .on_connect_ext(|io: &GuardedStream<Connection>, data: &mut Extensions| {
                data.insert(io.read_gate());
            })
            .h1(app());
        fn_service(move |io: TcpStream| {
            let (guard, acceptor) = (open_connections.add(), acceptor.clone());
            async move {
                // An error only delays responses.
                let _ = io.set_nodelay(true);
                let peer = io.peer_addr().ok();
                let since = Instant::now();
                // A load balancer's probe, which sends nothing, is not a failed handshake.
                if acceptor.is_some() && !receives_byte(&io, header_timeout).await {
                    return Err(DispatchError::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                let io = connect(io, acceptor, header_timeout.saturating_sub(since.elapsed()))
                    .await
                    .map_err(|error| {
                        guard.count_rejection("tls_handshake");
                        DispatchError::Io(error)
                    })?;
                Ok((GuardedStream::new(io, header_timeout, max_chunked, Some(guard)), peer))
            }
        })
        .and_then(http)
    })?;
    Ok((addr, server.run()))
}

async fn receives_byte(io: &TcpStream, limit: Duration) -> bool {
    matches!(timeout(limit, io.peek(&mut [0])).await, Ok(Ok(1..)))
}

async fn connect(io: TcpStream, tls: Option<TlsAcceptor>, limit: Duration) -> io::Result<Connection> {
    match tls {
        None => Ok(Box::new(io)),
        Some(tls) => Ok(Box::new(timeout(limit, tls.accept(io)).await??)),
    }
}

fn listen(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // By default the kernel buffers up to 10 MB for a client that sends and does not read.
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
        // Linux doubles the requested size.
        assert!(socket.recv_buffer_size().unwrap() <= 2 * SOCKET_BUFFER);
        assert!(socket.send_buffer_size().unwrap() <= 2 * SOCKET_BUFFER);
    }
}
