use super::*;
use crate::cli::{Cli, Command};
use clap::Parser;
use std::net::TcpListener;

fn args(line: &str) -> Result<Args, clap::Error> {
    let line = format!("justcall-bridge send {line}");
    Cli::try_parse_from(line.split_whitespace()).map(|cli| match cli.command {
        Command::Send(args) => args,
        other => panic!("{other:?}"),
    })
}

fn refused(line: &str) -> String {
    let error = args(line).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn unknown_type_is_rejected_with_the_list_and_a_suggestion() {
    let message = refused("--event call.complete");
    for known in KnownType::ALL {
        assert!(message.contains(known.name()), "{known} in {message}");
    }
    assert!(message.contains("similar") && message.contains("'call.completed'"), "{message}");
}

#[test]
fn type_of_the_other_dialect_is_rejected_with_that_dialect() {
    let error = chosen(&args("--event call.incoming").unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the documented dialect has no call.incoming; --dialect live does");
}

#[test]
fn selection_is_the_default_the_named_types_or_all() {
    let events = |line: &str| -> Vec<_> {
        chosen(&args(line).unwrap()).unwrap().into_iter().map(|(event, _)| event).collect()
    };
    assert_eq!(events(""), [KnownType::CallCompleted]);
    assert_eq!(events("--event call.completed --event call.completed").len(), 2);
    for dialect in [Dialect::Documented, Dialect::Live] {
        let all: Vec<_> = samples(dialect).map(|(event, _)| event).collect();
        assert_eq!(events(&format!("--all --dialect {dialect}")), all);
    }
}

#[test]
fn contradicting_options_are_rejected() {
    refused("--all --event sms.sent");
    refused("--file x --all");
    refused("--file x --dialect live");
}

#[test]
fn address_option_with_an_ip_url_is_rejected() {
    let args = args("--to http://127.0.0.1:1/webhooks/justcall --address 127.0.0.2").unwrap();
    assert!(matches!(execute(&args, ProgressBar::hidden()), Err(Error::NoName)));
}

#[test]
fn only_http_urls_are_accepted() {
    assert!(http_url("http://127.0.0.1:8080/hook").is_ok());
    for bad in ["localhost:8080", "ftp://host/", "/webhooks", "http://"] {
        assert!(http_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn file_is_sent_byte_for_byte() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"{ \"a\":1.0 }\n\xff").unwrap();
    let bodies = bodies(&args(&format!("--file {}", file.path().display())).unwrap()).unwrap();
    assert!(matches!(bodies.as_slice(), [Body::Exact(bytes)] if bytes.as_ref() == b"{ \"a\":1.0 }\n\xff"));
}

#[test]
fn missing_file_is_named() {
    let error = bodies(&args("--file /no/such/file.json").unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /no/such/file.json: "), "{error}");
}

#[test]
fn samples_repeat_exactly_on_request() {
    let bodies = bodies(&args("--repeat-exactly").unwrap()).unwrap();
    let (_, sample) =
        samples(Dialect::Documented).find(|(event, _)| *event == KnownType::CallCompleted).unwrap();
    assert!(matches!(bodies.as_slice(), [Body::Exact(bytes)] if bytes.as_ref() == sample.as_bytes()));
}

#[test]
fn unreachable_url_is_reported_with_advice() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let args = args(&format!("--to http://me:secret@127.0.0.1:{port}/hook --count 50")).unwrap();
    let message = execute(&args, ProgressBar::hidden()).unwrap_err().lines().join("\n");
    assert!(message.starts_with(&format!("error: cannot reach http://127.0.0.1:{port}/hook: ")), "{message}");
    assert!(message.contains("refused") && message.contains("`justcall-bridge dev`"), "{message}");
    assert!(!message.contains("secret"), "{message}");
    assert_eq!(format!("{:?}", run(&args)), format!("{:?}", ExitCode::FAILURE));
}
