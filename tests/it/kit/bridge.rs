use super::http::{self, Response};
use super::process::Process;
use super::topic_name;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

pub(crate) const PATH: &str = "/webhooks/justcall";

pub(crate) const UNSIGNED: &str = "sources.main.signature.required=false";

const TIMEOUT: Duration = Duration::from_secs(60);

/// Topics are unique.
pub(crate) struct Bridge {
    pub(crate) process: Process,
    pub(crate) ingress: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) prefix: String,
}

impl Bridge {
    pub(crate) fn serve(bootstrap: &str, settings: &[&str]) -> Self {
        let bridge = Self::start(bootstrap, settings);
        bridge.wait_ready(true);
        bridge
    }

    /// Returns once the bridge listens.
    pub(crate) fn start(bootstrap: &str, settings: &[&str]) -> Self {
        Self::start_with(bootstrap, settings, &[])
    }

    /// Ignores SIGXFSZ, so that a file size limit is an error.
    pub(crate) fn start_with(bootstrap: &str, settings: &[&str], env: &[(&str, &str)]) -> Self {
        Self::launch("trap '' XFSZ", &["serve"], bootstrap, settings, env)
    }

    pub(crate) fn serve_file(bootstrap: &str, file: &Path, settings: &[&str]) -> Self {
        let command = ["serve", "--config", file.to_str().expect("a path of text")];
        let bridge = Self::launch("trap '' XFSZ", &command, bootstrap, settings, &[]);
        bridge.wait_ready(true);
        bridge
    }

    pub(crate) fn serve_after(shell: &str, bootstrap: &str, settings: &[&str]) -> Self {
        let bridge = Self::launch(shell, &["serve"], bootstrap, settings, &[]);
        bridge.wait_ready(true);
        bridge
    }

    fn launch(
        shell: &str,
        command: &[&str],
        bootstrap: &str,
        settings: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let named = settings.iter().find_map(|setting| setting.strip_prefix("topics.prefix="));
        let prefix = named.map_or_else(|| format!("{}.", topic_name("justcall")), str::to_owned);
        let own = [
            format!("kafka.bootstrap_servers={bootstrap}"),
            format!("topics.prefix={prefix}"),
            "server.listen=127.0.0.1:0".into(),
            "admin.listen=127.0.0.1:0".into(),
            "server.workers=2".into(),
            "shutdown.delay=0s".into(),
            // Generous, because the machines are shared.
            "kafka.ack_deadline=30s".into(),
            "shutdown.timeout=60s".into(),
            "topics.partitions=6".into(),
            "topics.replication_factor=1".into(),
        ];
        let unsigned = unsigned(settings);
        let mut args = command.to_vec();
        let own = own.iter().chain(&unsigned).map(String::as_str);
        for setting in own.chain(settings.iter().copied()) {
            args.extend(["--set", setting]);
        }
        let process = Process::bridge_after(shell, &args, env);
        let line = process.wait_for_line("\"serving\"", TIMEOUT);
        let line: serde_json::Value = serde_json::from_str(&line).expect("a log line of JSON");
        let address =
            |part: &str| line[part].as_str().and_then(|text| text.parse().ok()).expect("an address");
        Self { ingress: address("ingress"), admin: address("admin"), process, prefix }
    }

    pub(crate) fn post(&self, body: &[u8]) -> Response {
        http::post(self.ingress, PATH, &[("connection", "close")], body).expect("an answer")
    }

    pub(crate) fn admin(&self, path: &str) -> Response {
        http::get(self.admin, path).expect("an answer")
    }

    pub(crate) fn topic(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    pub(crate) fn wait_ready(&self, ready: bool) {
        let wanted = if ready { 200 } else { 503 };
        until("readiness", || self.admin("/readyz").status == wanted);
    }

    /// The name has no `justcall_bridge_`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.admin("/metrics").text().to_owned();
        let start = format!("{} ", metric_name(name));
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no metric {name} in:\n{text}")).parse().expect("a whole number")
    }

    /// Returns 0 without the metric.
    pub(crate) fn metric_sum(&self, name: &str) -> f64 {
        let text = self.admin("/metrics").text().to_owned();
        let start = metric_name(name);
        let named = |line: &&str| line.strip_prefix(&start).is_some_and(|rest| rest.starts_with([' ', '{']));
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        text.lines().filter(named).filter_map(value).sum()
    }

    pub(crate) fn wait_for_metric(&self, name: &str, value: u64) {
        until(name, || self.metric(name) == value);
    }

    pub(crate) fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait_exit(TIMEOUT)
    }
}

pub(crate) fn metric_name(name: &str) -> String {
    if name.starts_with("process_") { name.to_owned() } else { format!("justcall_bridge_{name}") }
}

fn unsigned(settings: &[&str]) -> Vec<String> {
    let mut sources: Vec<_> =
        settings.iter().filter_map(|setting| setting.strip_prefix("sources.")?.split('.').next()).collect();
    if sources.is_empty() {
        sources.push("main");
    }
    let is_silent = |source: &&str| {
        let key = format!("sources.{source}.signature.");
        !settings.iter().any(|setting| setting.starts_with(&key))
    };
    sources
        .into_iter()
        .filter(is_silent)
        .map(|source| format!("sources.{source}.signature.required=false"))
        .collect()
}

pub(crate) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !reached() {
        assert!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
