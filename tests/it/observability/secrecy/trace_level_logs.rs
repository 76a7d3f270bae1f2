use super::markers;
use crate::kit::bridge::{PATH, until};
use crate::kit::consume::{self, Read};
use crate::kit::http::{self, Connection, Response};
use crate::kit::process::Process;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

const EVERYTHING: &str = "trace,justcall_kafka_bridge=trace,librdkafka=trace,rdkafka=trace,actix_http=trace,\
     actix_http::h1=trace,actix_http::h1::decoder=trace,actix_http::h1::dispatcher=trace,\
     actix_server=trace,actix_web=trace,actix_rt=trace,rustls=trace,tokio_rustls=trace,h2=trace,\
     rusqlite=trace,mio=trace,tokio=trace,runtime=trace,config=trace,log=trace,\
     reqwest=trace,hyper=trace,hyper_util=trace,opentelemetry=trace,opentelemetry_sdk=trace,\
     opentelemetry_otlp=trace,opentelemetry_http=trace";

pub(super) const FORMATS: [&str; 2] = ["json", "text"];

pub(super) struct VerboseBridge {
    process: Process,
    pub(super) ingress: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) prefix: String,
    bootstrap: String,
    outputs: Mutex<Vec<(String, String)>>,
    others: Vec<&'static str>,
}

impl VerboseBridge {
    pub(super) fn start(format: &str, bootstrap: &str, settings: &[&str], env: &[(&str, &str)]) -> Self {
        let named = settings.iter().find_map(|setting| setting.strip_prefix("topics.prefix="));
        let prefix = named.map_or_else(|| format!("{}.", crate::kit::topic_name("secrecy")), str::to_owned);
        let own = [
            format!("kafka.bootstrap_servers={bootstrap}"),
            format!("topics.prefix={prefix}"),
            format!("telemetry.log_filter={EVERYTHING}"),
            format!("telemetry.log_format={format}"),
            "server.listen=127.0.0.1:0".into(),
            "admin.listen=127.0.0.1:0".into(),
            "server.workers=1".into(),
            "shutdown.delay=0s".into(),
            "kafka.ack_deadline=20s".into(),
            "kafka.properties.debug=all".into(),
            "kafka.properties.log_level=7".into(),
            "topics.partitions=1".into(),
            "topics.replication_factor=1".into(),
        ];
        let own = own.iter().map(String::as_str);
        let mut args = vec!["serve"];
        for setting in own.chain(settings.iter().copied()) {
            args.extend(["--set", setting]);
        }
        let process = Process::bridge(&args, env);
        let serving = if format == "text" { "serving ingress=" } else { "\"serving\"" };
        let line = process.wait_for_line(serving, TIMEOUT);
        let address = |part: &str| {
            let (_, rest) = line.split_once(part).unwrap_or_else(|| panic!("no {part} in {line}"));
            let rest = rest.trim_start_matches(['"', ':', '=']);
            let end = rest.find(['"', ',', ' ']).unwrap_or(rest.len());
            rest[..end].parse().unwrap_or_else(|e| panic!("{part}: {e}: {line}"))
        };
        let (ingress, admin) = (address("ingress"), address("admin"));
        let bootstrap = bootstrap.to_owned();
        Self { process, ingress, admin, prefix, bootstrap, outputs: Mutex::default(), others: Vec::new() }
    }

    pub(super) fn with_secret(mut self, other: &'static str) -> Self {
        self.others.push(other);
        self
    }

    pub(super) fn wait_ready(&self, ready: bool) {
        let wanted = if ready { 200 } else { 503 };
        until("readiness", || self.get(self.admin, "/readyz").status == wanted);
    }

    pub(super) fn post(&self, body: &[u8]) -> String {
        self.post_with(PATH, &[], body)
    }

    pub(super) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let headers = [&[("connection", "close")], headers].concat();
        let answer = http::post(self.ingress, path, &headers, body).expect("an answer");
        self.keep(path, &answer);
        summary(&answer)
    }

    /// Returns `None` if the bridge has ended.
    pub(super) fn try_post(&self, body: &[u8]) -> Option<String> {
        let answer = http::post(self.ingress, PATH, &[("connection", "close")], body).ok()?;
        self.keep(PATH, &answer);
        Some(summary(&answer))
    }

    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        let answer = http::request(self.ingress, bytes).expect("an answer");
        self.keep("raw", &answer);
        summary(&answer)
    }

    pub(super) fn unfinished(&self, bytes: &[u8], hang_up: bool) -> String {
        let mut connection = Connection::open(self.ingress).expect("a connection");
        connection.send(bytes).expect("sent");
        if hang_up {
            connection.finish_sending().expect("half closed");
        }
        match connection.receive() {
            Ok(answer) => {
                self.keep("unfinished", &answer);
                summary(&answer)
            }
            Err(_) => "closed".into(),
        }
    }

    pub(super) fn get(&self, address: SocketAddr, path: &str) -> Response {
        let answer = http::get(address, path).expect("an answer");
        self.keep(path, &answer);
        answer
    }

    fn keep(&self, to: &str, answer: &Response) {
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let whole =
            format!("{}\n{}\n{}", answer.status, headers.join("\n"), String::from_utf8_lossy(&answer.body));
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).push((to.to_owned(), whole));
    }

    pub(super) fn records(&self, topic: &str, count: usize) -> Vec<Read> {
        consume::read_topic(&self.bootstrap, &format!("{}{topic}", self.prefix), count, TIMEOUT)
    }

    pub(super) fn add_output(&self, to: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).push((to.to_owned(), text));
    }

    pub(super) fn wait_for_line(&self, text: &str) {
        self.process.wait_for_line(text, TIMEOUT);
    }

    pub(super) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub(super) fn finish(mut self) {
        for page in ["/metrics", "/readyz", "/livez"] {
            self.get(self.admin, page);
        }
        self.process.signal("TERM");
        self.ended();
    }

    pub(super) fn ended(&mut self) {
        self.process.wait_exit(TIMEOUT);
        let log = [self.process.stdout(), self.process.stderr()].concat().join("\n");
        for expected in ["TRACE", "DEBUG", "Create new librdkafka client", "Client configuration"] {
            assert!(log.contains(expected), "the log is not at trace level: no {expected} in\n{log}");
        }
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        outputs.push(("the log".into(), log));
        assert_no_marker(&outputs, &self.others);
    }
}

pub(super) fn assert_no_marker(outputs: &[(String, String)], others: &[&str]) {
    let found: Vec<_> = outputs
        .iter()
        .flat_map(|(place, text)| {
            markers::leaks(text, others).into_iter().map(move |leak| format!("{place} {leak}"))
        })
        .collect();
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}

pub(super) fn run(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut process = Process::bridge(args, env);
    let code = process.wait_exit(TIMEOUT).code();
    let output = [process.stdout(), process.stderr()].concat().join("\n");
    assert_no_marker(&[(args.join(" ").chars().take(60).collect(), output.clone())], &[]);
    (code, output)
}

fn summary(answer: &Response) -> String {
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = json["outcome"].as_str().or_else(|| json["type"].as_str()?.rsplit(':').next());
    format!("{} {}", answer.status, kind.unwrap_or_default())
}
