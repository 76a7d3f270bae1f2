use crate::kit::collector::Collector;
use crate::kit::python::python;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

const DECODE: &str = include_str!("decode.py");

#[derive(Debug, Clone)]
pub(super) struct Span(Value);

impl Span {
    pub(super) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    pub(super) fn number(&self, field: &str) -> u64 {
        self.0[field].as_u64().unwrap_or_default()
    }

    pub(super) fn is_error(&self) -> bool {
        self.0["is_error"] == true
    }

    pub(super) fn attribute(&self, name: &str) -> &Value {
        &self.0["attributes"][name]
    }

    pub(super) fn resource(&self, name: &str) -> &Value {
        &self.0["resource"][name]
    }

    pub(super) fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.text("trace"), self.text("id"))
    }
}

pub(super) struct Spans(pub(super) Vec<Span>);

impl Spans {
    pub(super) fn of(collector: &Collector) -> Self {
        let mut decode = python();
        decode.args(["-c", DECODE]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut decode = decode.spawn().expect("python");
        let mut input = decode.stdin.take().expect("a pipe");
        for taken in collector.taken() {
            writeln!(input, "{}", BASE64_STANDARD.encode(&taken.body)).expect("a reader");
        }
        drop(input);
        let output = decode.wait_with_output().expect("an end");
        assert!(output.status.success(), "decode.py");
        let lines = String::from_utf8(output.stdout).expect("text");
        Self(lines.lines().map(|line| Span(serde_json::from_str(line).expect("JSON"))).collect())
    }

    pub(super) fn names(&self, trace: &str) -> Vec<&str> {
        let mut names: Vec<_> = self.in_trace(trace).map(|span| span.text("name")).collect();
        names.sort_unstable();
        names
    }

    pub(super) fn one(&self, trace: &str, name: &str) -> &Span {
        let found: Vec<_> = self.in_trace(trace).filter(|span| span.text("name") == name).collect();
        let [span] = found[..] else { panic!("{} spans {name} in {trace}", found.len()) };
        span
    }

    fn in_trace(&self, trace: &str) -> impl Iterator<Item = &Span> {
        self.0.iter().filter(move |span| span.text("trace") == trace)
    }
}
