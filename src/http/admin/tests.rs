use super::*;
use crate::health::LifecycleState;
use actix_web::body::MessageBody;
use actix_web::test::TestRequest;

fn facts() -> Facts {
    Facts { readiness: Arc::default(), metrics: Arc::default(), budget: Budget::new(1000) }
}

/// Binds a free port.
fn listening() -> Admin {
    let facts = facts();
    let config = AdminConfig { listen: ([127, 0, 0, 1], 0).into() };
    Admin::bind(&config, facts.readiness, facts.metrics, facts.budget).unwrap()
}

fn ask(facts: &Facts, method: Method, path: &str) -> (HttpResponse, String) {
    let request = TestRequest::with_uri(path).method(method).to_http_request();
    let body = facts.answer(&request).into_body().try_into_bytes().unwrap();
    (facts.answer(&request), String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn livez_answers_whatever_the_state() {
    let facts = facts();
    let (response, body) = ask(&facts, Method::GET, "/livez");
    assert_eq!((response.status().as_u16(), body.as_str()), (200, "ok\n"));
}

#[test]
fn readyz_has_a_line_for_each_part_and_503_while_not_ready() {
    let facts = facts();
    let (response, body) = ask(&facts, Method::GET, "/readyz");
    assert_eq!(response.status().as_u16(), 503);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["ready"], &body["parts"]["state"]), (&Value::Bool(false), &"starting".into()));
    facts.readiness.set_state(LifecycleState::Serving);
    facts.readiness.kafka_up();
    let (response, body) = ask(&facts, Method::GET, "/readyz");
    assert_eq!(response.status().as_u16(), 200);
    assert!(body.contains(r#""kafka":"up since "#) && body.contains(r#""ready":true"#), "{body}");
}

#[test]
fn metrics_are_openmetrics_text_with_the_budget_in_it() {
    let facts = facts();
    let _permit = facts.budget.admit(123).unwrap();
    let (response, body) = ask(&facts, Method::GET, "/metrics");
    let content_type = response.headers().get("content-type").unwrap().to_str().unwrap();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(body.contains("justcall_bridge_in_flight_bytes 123\n"));
}

#[test]
fn other_paths_and_methods_are_problems() {
    let facts = facts();
    assert_eq!(ask(&facts, Method::GET, "/").0.status().as_u16(), 404);
    let (response, _) = ask(&facts, Method::POST, "/readyz");
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(response.headers().get("allow").unwrap(), "GET, HEAD");
    assert_eq!(ask(&facts, Method::HEAD, "/livez").0.status().as_u16(), 200);
}

#[actix_web::test]
async fn it_listens_where_it_says_and_stops() {
    let admin = listening();
    let addr = admin.addr();
    assert_ne!(addr.port(), 0);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(tokio::task::spawn_blocking(move || std::net::TcpStream::connect(addr)).await.unwrap().is_ok());
    admin.stop().await;
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[actix_web::test]
async fn idle_connections_keep_no_probe_out() {
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
        // The oldest ones ended, and with them their descriptors.
        let mut oldest = &idle[0];
        oldest.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(matches!(oldest.read(&mut [0]), Ok(0) | Err(_)));
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 200 OK"));
    admin.stop().await;
}

#[actix_web::test]
async fn heads_that_are_not_http_are_answered_with_a_problem() {
    let admin = listening();
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

/// Sends in one piece, and returns all that the listener answers.
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
async fn pipelined_head_that_is_not_http_is_answered_with_a_problem() {
    let admin = listening();
    let good = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = exchange(admin.addr(), format!("{good}{good}BAD\r\n\r\n")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer}");
    assert!(answer.contains("problem:malformed_header"), "{answer}");
    admin.stop().await;
}

/// Closed at once, the socket would reset the connection, and the client would lose its answer.
#[actix_web::test]
async fn client_that_still_sends_sees_its_answer() {
    let admin = listening();
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
async fn answers_are_not_counted_as_those_of_the_ingress() {
    let facts = facts();
    let config = AdminConfig { listen: ([127, 0, 0, 1], 0).into() };
    let metrics = Arc::clone(&facts.metrics);
    let admin = Admin::bind(&config, facts.readiness, Arc::clone(&metrics), facts.budget).unwrap();
    exchange(admin.addr(), "BAD\r\n\r\n".to_owned()).await;
    assert_eq!(metrics.connections.get(), 0);
    let page = metrics.render(&Readiness::new(), 0);
    assert!(!page.contains("http_turned_away_total{reason=\"malformed_header\"} 1"), "{page}");
    admin.stop().await;
}
