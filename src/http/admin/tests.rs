use super::*;
use crate::health::LifecycleState;
use actix_web::body::MessageBody;
use actix_web::test::TestRequest;

fn state() -> AdminState {
    AdminState { readiness: Arc::default(), metrics: Arc::default(), budget: Budget::new(1000) }
}

fn listening() -> AdminListener {
    let state = state();
    let config = AdminConfig { listen: ([127, 0, 0, 1], 0).into() };
    AdminListener::bind(&config, state.readiness, state.metrics, state.budget).unwrap()
}

/// Waits a second for a head, and for a client to close.
fn impatient() -> AdminListener {
    let config = AdminConfig { listen: ([127, 0, 0, 1], 0).into() };
    AdminListener::bind_with(&config, state(), Duration::from_secs(1)).unwrap()
}

fn ask(state: &AdminState, method: Method, path: &str) -> (HttpResponse, String) {
    let request = TestRequest::with_uri(path).method(method).to_http_request();
    let body = state.respond(&request).into_body().try_into_bytes().unwrap();
    (state.respond(&request), String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn livez_is_ok_in_every_state() {
    let state = state();
    let (response, body) = ask(&state, Method::GET, "/livez");
    assert_eq!((response.status().as_u16(), body.as_str()), (200, "ok\n"));
}

#[test]
fn readyz_has_a_line_for_each_part_and_503_while_not_ready() {
    let state = state();
    let (response, body) = ask(&state, Method::GET, "/readyz");
    assert_eq!(response.status().as_u16(), 503);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["ready"], &body["parts"]["state"]), (&Value::Bool(false), &"starting".into()));
    state.readiness.set_state(LifecycleState::Serving);
    state.readiness.kafka_up();
    let (response, body) = ask(&state, Method::GET, "/readyz");
    assert_eq!(response.status().as_u16(), 200);
    assert!(body.contains(r#""kafka":"up since "#) && body.contains(r#""ready":true"#), "{body}");
}

#[test]
fn metrics_are_openmetrics_text_and_include_the_budget() {
    let state = state();
    let _permit = state.budget.admit(123).unwrap();
    let (response, body) = ask(&state, Method::GET, "/metrics");
    let content_type = response.headers().get("content-type").unwrap().to_str().unwrap();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(body.contains("justcall_bridge_in_flight_bytes 123\n"));
}

#[test]
fn other_paths_and_methods_are_problems() {
    let state = state();
    assert_eq!(ask(&state, Method::GET, "/").0.status().as_u16(), 404);
    let (response, _) = ask(&state, Method::POST, "/readyz");
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(response.headers().get("allow").unwrap(), "GET, HEAD");
    assert_eq!(ask(&state, Method::HEAD, "/livez").0.status().as_u16(), 200);
}

#[actix_web::test]
async fn listener_accepts_on_its_address_and_stops() {
    let admin = listening();
    let addr = admin.addr();
    assert_ne!(addr.port(), 0);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(tokio::task::spawn_blocking(move || std::net::TcpStream::connect(addr)).await.unwrap().is_ok());
    admin.stop().await;
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[actix_web::test]
async fn idle_connections_do_not_block_probes() {
    let admin = listening();
    let address = admin.addr();
    let answer = actix_web::rt::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let connect = || std::net::TcpStream::connect(address).unwrap();
        let idle: Vec<_> = (0..600).map(|_| connect()).collect();
        let mut probe = connect();
        probe.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        probe.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).unwrap();
        // The oldest connections ended, which freed their descriptors.
        let mut oldest = &idle[0];
        oldest.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(matches!(oldest.read(&mut [0]), Ok(0) | Err(_)));
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 200 OK"));
    admin.stop().await;
}

#[actix_web::test]
async fn invalid_heads_are_answered_with_a_problem() {
    let admin = impatient();
    let address = admin.addr();
    let many: String = (0..120).map(|n| format!("x-{n}: 1\r\n")).collect();
    for (head, tag) in [
        ("BAD\r\n\r\n".to_owned(), "malformed_header"),
        (format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "large_header"),
        ("GET /livez HTTP/1.1\r\nhost: x".to_owned(), "slow_header"),
    ] {
        let answer = actix_web::rt::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            client.write_all(head.as_bytes()).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        assert!(answer.contains("application/problem+json") && answer.contains(tag), "{tag}: {answer}");
    }
    admin.stop().await;
}

async fn exchange(address: SocketAddr, sent: String) -> String {
    let exchange = actix_web::rt::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.write_all(sent.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    });
    exchange.await.unwrap()
}

#[actix_web::test]
async fn invalid_pipelined_head_is_answered_with_a_problem() {
    let admin = listening();
    let good = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = exchange(admin.addr(), format!("{good}{good}BAD\r\n\r\n")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer}");
    assert!(answer.contains("problem:malformed_header"), "{answer}");
    admin.stop().await;
}

/// A client that sends a body without an end would keep its connection.
#[actix_web::test]
async fn connection_of_a_body_without_an_end_is_closed() {
    let admin = impatient();
    for head in ["transfer-encoding: chunked", "content-length: 1000000000"] {
        let address = admin.addr();
        let closed = actix_web::rt::task::spawn_blocking(move || {
            use std::io::Write;
            let mut client = std::net::TcpStream::connect(address).unwrap();
            write!(client, "GET /livez HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n").unwrap();
            (0..300).any(|_| {
                std::thread::sleep(Duration::from_millis(100));
                client.write_all(b"1\r\nx\r\n").is_err()
            })
        });
        assert!(closed.await.unwrap(), "{head}");
    }
    admin.stop().await;
}

/// If the socket closed at once, the client would receive a reset instead of its response.
#[actix_web::test]
async fn client_that_still_sends_receives_its_response() {
    let admin = impatient();
    for (head, tag) in [
        ("BAD\r\n\r\n".to_owned(), "malformed_header"),
        (format!("GET /livez HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(200_000)), "large_header"),
        ("POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 6000000\r\n\r\n".to_owned(), "method"),
    ] {
        let answer = exchange(admin.addr(), head + &"x".repeat(6_000_000)).await;
        assert!(answer.contains(&format!("problem:{tag}")), "{tag}: {answer}");
    }
    admin.stop().await;
}

#[actix_web::test]
async fn responses_are_not_counted_as_those_of_the_ingress() {
    let state = state();
    let config = AdminConfig { listen: ([127, 0, 0, 1], 0).into() };
    let metrics = Arc::clone(&state.metrics);
    let admin = AdminListener::bind(&config, state.readiness, Arc::clone(&metrics), state.budget).unwrap();
    exchange(admin.addr(), "BAD\r\n\r\n".to_owned()).await;
    assert_eq!(metrics.connections.get(), 0);
    let page = metrics.render(&Readiness::new(), 0);
    assert!(!page.contains("http_rejected_requests_total{reason=\"malformed_header\"} 1"), "{page}");
    admin.stop().await;
}
