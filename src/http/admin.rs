//! Listener for probes and metrics.

use super::AdminConfig;
use super::evictable::{Connections, Evictable};
use super::guarded_stream::GuardedStream;
use super::listener::{LINGER_SECONDS, Listener, cannot_bind};
use super::problem::Problem;
use super::read_gate::ReadGate;
use super::request_body::RequestBody;
use super::response::json;
use crate::health::Readiness;
use crate::ingest::Budget;
use crate::telemetry::{CONTENT_TYPE, Metrics};
use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService};
use actix_server::Server;
use actix_service::{ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::http::{Method, StatusCode};
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Above it, a new connection ends the oldest, so that idle ones cannot block probes.
const MAX_CONNECTIONS: usize = 64;

/// Includes connections that were ended and are not closed yet.
pub(super) const MAX_OPEN_CONNECTIONS: usize = 2 * MAX_CONNECTIONS;

/// Time for a request's head, and between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Ends clients that do not read responses, or never end their request.
const MAX_AGE: Duration = Duration::from_secs(60);

/// No request here needs a body.
const MAX_CHUNKED: usize = 4 * 1024;

pub(crate) struct AdminListener {
    listener: Listener,
}

struct AdminState {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
}

impl AdminListener {
    /// Serves on a thread of its own. Needs a tokio runtime.
    pub(crate) fn bind(
        config: &AdminConfig,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        budget: Arc<Budget>,
    ) -> io::Result<Self> {
        Self::bind_with(config, AdminState { readiness, metrics, budget }, IDLE_TIMEOUT)
    }

    fn bind_with(config: &AdminConfig, state: AdminState, idle_timeout: Duration) -> io::Result<Self> {
        let state = Arc::new(state);
        let listener = std::net::TcpListener::bind(config.listen).map_err(cannot_bind(config.listen))?;
        let addr = listener.local_addr()?;
        let connections = Connections::default();
        let server = Server::build()
            .workers(1)
            .max_concurrent_connections(MAX_OPEN_CONNECTIONS)
            .shutdown_timeout(LINGER_SECONDS)
            .disable_signals()
            .listen("admin", listener, move || {
                let (state, connections) = (Arc::clone(&state), connections.clone());
                let handle = move |request: HttpRequest, payload: web::Payload| {
                    std::future::ready(state.handle(&request, payload))
                };
                let app = App::new().default_service(web::to(handle));
                let http = HttpService::build()
                    .keep_alive(idle_timeout)
                    // `GuardedStream` has a deadline for every head; this timer is for the first head only.
                    .client_request_timeout(Duration::ZERO)
                    .client_disconnect_timeout(idle_timeout)
                    .on_connect_ext(|io: &GuardedStream<Evictable<TcpStream>>, data: &mut Extensions| {
                        data.insert(io.read_gate());
                    })
                    .h1(map_config(app, |()| AppConfig::default()));
                fn_service(move |io: TcpStream| {
                    let io = connections.add(io, MAX_CONNECTIONS, MAX_AGE);
                    let io = GuardedStream::new(io, idle_timeout, MAX_CHUNKED, None);
                    std::future::ready(Ok::<_, DispatchError>((io, None)))
                })
                .and_then(http)
            })?;
        Ok(Self { listener: Listener::start(addr, server.run()) })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    pub(crate) async fn stop(self) {
        self.listener.stop(false).await;
    }
}

impl AdminState {
    fn handle(&self, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
        let read_gate = request.conn_data::<Rc<ReadGate>>().cloned().unwrap_or_default();
        read_gate.start_body(request.headers());
        // Nothing reads the body, and it may have no end: actix closes the connection of a body that is left.
        let body = RequestBody::new(payload, Rc::clone(&read_gate));
        let response = self.respond(request);
        read_gate.end_request();
        body.finish(response)
    }

    fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let page: fn(&Self) -> HttpResponse = match request.uri().path() {
            "/livez" => |_| HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n"),
            "/readyz" => Self::readyz,
            "/metrics" => Self::metrics,
            _ => return Problem::UnknownPath.response(),
        };
        match *request.method() {
            Method::GET | Method::HEAD => page(self),
            _ => Problem::Method("GET, HEAD").response(),
        }
    }

    fn readyz(&self) -> HttpResponse {
        let body = readiness_body(&self.readiness);
        let status = if body["ready"] == true { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, Bytes::from(body.to_string()))
    }

    fn metrics(&self) -> HttpResponse {
        let text = self.metrics.render(&self.readiness, self.budget.used());
        HttpResponse::Ok().content_type(CONTENT_TYPE).body(text)
    }
}

pub(super) fn readiness_body(readiness: &Readiness) -> Value {
    let parts = readiness.parts().map(|(part, line)| (part.to_owned(), Value::String(line)));
    serde_json::json!({ "ready": readiness.is_ready(), "parts": Map::from_iter(parts) })
}

#[cfg(test)]
mod tests;
