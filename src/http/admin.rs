//! The listener for probes and metrics.

use super::AdminConfig;
use super::answer::json;
use super::evictable::Connections;
use super::evictable::Evictable;
use super::listener::{LINGER_SECONDS, Listener, cannot_bind};
use super::paced::Paced;
use super::problem::Problem;
use super::turn::Turn;
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

/// Most connections at once. A further one ends the oldest, so that idle connections keep no probe out.
const MAX_CONNECTIONS: usize = 64;

/// Longest time for a request's head, and between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest life of a connection: a client that reads no answer, or never ends its request, keeps it no
/// longer.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Longest chunked body that is read, in bytes. No request here needs a body.
const MAX_CHUNKED: usize = 4 * 1024;

/// ResponseCounters `/livez`, `/readyz` and `/metrics`.
pub struct Admin {
    listener: Listener,
}

/// What the answers are made of.
struct Facts {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
}

impl Admin {
    /// Binds and serves from now on, on a thread of its own. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(
        config: &AdminConfig,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        budget: Arc<Budget>,
    ) -> io::Result<Self> {
        let facts = Arc::new(Facts { readiness, metrics, budget });
        let listener = std::net::TcpListener::bind(config.listen).map_err(cannot_bind(config.listen))?;
        let addr = listener.local_addr()?;
        let connections = Connections::default();
        let server = Server::build()
            .workers(1)
            .max_concurrent_connections(2 * MAX_CONNECTIONS)
            .shutdown_timeout(LINGER_SECONDS)
            .disable_signals()
            .listen("admin", listener, move || {
                let (facts, connections) = (Arc::clone(&facts), connections.clone());
                let reply = move |request: HttpRequest| std::future::ready(facts.reply(&request));
                let app = App::new().default_service(web::to(reply));
                let http = HttpService::build()
                    .keep_alive(IDLE_TIMEOUT)
                    // `Paced` has a deadline for every head; this one is for the first only.
                    .client_request_timeout(Duration::ZERO)
                    .client_disconnect_timeout(IDLE_TIMEOUT)
                    .on_connect_ext(|io: &Paced<Evictable<TcpStream>>, data: &mut Extensions| {
                        data.insert(io.turn());
                    })
                    .h1(map_config(app, |()| AppConfig::default()));
                fn_service(move |io: TcpStream| {
                    let io = connections.add(io, MAX_CONNECTIONS, MAX_AGE);
                    let io = Paced::new(io, IDLE_TIMEOUT, MAX_CHUNKED, None);
                    std::future::ready(Ok::<_, DispatchError>((io, None)))
                })
                .and_then(http)
            })?;
        Ok(Self { listener: Listener::start(addr, server.run()) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listener.addr()
    }

    /// Closes it.
    pub async fn stop(self) {
        self.listener.stop(false).await;
    }
}

impl Facts {
    /// ResponseCounters a request, and lets the connection read on behind it.
    fn reply(&self, request: &HttpRequest) -> HttpResponse {
        let turn = request.conn_data::<Rc<Turn>>().cloned().unwrap_or_default();
        turn.body(request.headers());
        let response = self.answer(request);
        turn.answered();
        response
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
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
        let body = parts(&self.readiness);
        let status = if body["ready"] == true { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, Bytes::from(body.to_string()))
    }

    fn metrics(&self) -> HttpResponse {
        let text = self.metrics.render(&self.readiness, self.budget.used());
        HttpResponse::Ok().content_type(CONTENT_TYPE).body(text)
    }
}

/// What `/readyz` says.
pub(super) fn parts(readiness: &Readiness) -> Value {
    let parts = readiness.parts().map(|(part, line)| (part.to_owned(), Value::String(line)));
    serde_json::json!({ "ready": readiness.is_ready(), "parts": Map::from_iter(parts) })
}

#[cfg(test)]
mod tests;
