use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn unspecified_address_is_reached_on_loopback() {
    assert_eq!(reachable(address("0.0.0.0:8081")), address("127.0.0.1:8081"));
    assert_eq!(reachable(address("[::]:8081")), address("[::1]:8081"));
    assert_eq!(reachable(address("10.1.2.3:81")), address("10.1.2.3:81"));
}

#[test]
fn only_200_is_healthy() {
    assert_eq!(refusal("HTTP/1.0 200 OK\r\n\r\nok\n"), None);
    assert_eq!(refusal("HTTP/1.1 204 No Content\r\n\r\n"), Some("204".into()));
    assert_eq!(refusal("HTTP/1.1 404 Not Found\r\n\r\n<html>"), Some("404".into()));
    assert_eq!(refusal("SSH-2.0-OpenSSH"), Some("something that is no HTTP".into()));
    assert_eq!(refusal(""), Some("something that is no HTTP".into()));
}

#[test]
fn failure_contains_the_state_of_each_part() {
    let body = r#"{"ready":false,"parts":{"kafka":"down","spool":"full"}}"#;
    let said = refusal(&format!("HTTP/1.0 503 Service Unavailable\r\nx: y\r\n\r\n{body}"));
    assert_eq!(said, Some("503; kafka: down; spool: full".into()));
}

#[test]
fn slow_response_ends_at_the_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let since = Instant::now();
    assert!(ask(address, "livez", Duration::from_millis(300)).is_err());
    assert!(since.elapsed() < Duration::from_secs(5));
}
