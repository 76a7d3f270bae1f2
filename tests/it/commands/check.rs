mod agreement;
mod cluster;
mod connections;
mod healthy;
mod machine;
mod rights;

use crate::kit::process::Process;
use crate::kit::topic_name;
use serde_json::Value;
use std::fmt::Write;
use std::net::TcpListener;
use std::time::Duration;
use tempfile::TempDir;

/// A run takes at most 20 seconds on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Level, key, and words of the text and remedy.
type Expected<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Correct settings, except that Kafka does not exist.
struct Bridge {
    settings: Vec<String>,
    prefix: String,
    folder: TempDir,
}

impl Bridge {
    fn new(bootstrap: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let prefix = format!("{}.", topic_name("check"));
        let [server, admin] = free_addresses();
        let settings = vec![
            format!("kafka.bootstrap_servers={bootstrap}"),
            format!("topics.prefix={prefix}"),
            format!("dead_letter.topic={prefix}dead-letter"),
            format!("routes=[{{match: \"*\", topics: [\"{prefix}calls\"]}}]"),
            "topics.partitions=2".into(),
            "topics.replication_factor=3".into(),
            format!("server.listen={server}"),
            format!("admin.listen={admin}"),
            "sources.main.signature.secrets=[\"a-secret-for-tests\"]".into(),
            "sources.main.signature.urls=[\"https://hooks.example.com/webhooks/justcall\"]".into(),
            format!("spool.directory={}", folder.path().join("spool").display()),
            "spool.max_bytes=32 MiB".into(),
        ];
        Self { settings, prefix, folder }
    }

    fn with(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    fn topic(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    fn check(&self, words: &[&str]) -> Report {
        let (code, text) = self.run(&[&["--json"], words].concat());
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let findings = report["findings"].as_array().expect("findings").clone();
        assert_eq!(report["ok"], code == 0, "{report:#}");
        Report { code, findings }
    }

    fn run(&self, words: &[&str]) -> (i32, String) {
        let mut args = [&["check"], words].concat();
        args.extend(self.settings.iter().flat_map(|setting| ["--set", setting]));
        let mut process = Process::bridge(&args, &[]);
        let code = process.wait_exit(TIMEOUT).code().expect("an exit code, not a signal");
        assert_eq!(process.stderr(), [""; 0], "stderr is not empty");
        (code, process.stdout().join("\n") + "\n")
    }
}

struct Report {
    code: i32,
    findings: Vec<Value>,
}

impl Report {
    fn problems(&self) -> String {
        let mut lines = String::new();
        for finding in self.findings.iter().filter(|finding| finding["level"] != "ok") {
            let field = |name: &str| finding[name].as_str().unwrap_or_default();
            let [level, key, subject, text, fix] = ["level", "key", "subject", "text", "fix"].map(field);
            writeln!(lines, "{level} {key} ({subject}): {text} -> {fix}").expect("a string");
        }
        lines
    }

    fn has(&self, (level, key, words): Expected<'_>) -> bool {
        self.findings.iter().any(|finding| {
            let finding_text = format!("{} {} {}", finding["subject"], finding["text"], finding["fix"]);
            let advises = level == "ok" || level == "skipped" || finding["fix"].is_string();
            finding["level"] == level
                && finding["key"] == key
                && advises
                && words.iter().all(|word| finding_text.contains(word))
        })
    }

    #[track_caller]
    fn assert_finding(&self, name: &str, expected: Expected<'_>) {
        assert!(self.has(expected), "{name}: not found: {expected:?} in\n{:#?}", self.findings);
        let code = if expected.0 == "failure" { 1 } else { self.code };
        assert_eq!(self.code, code, "{name}: exit code of\n{}", self.problems());
    }
}

fn free_addresses() -> [String; 2] {
    // Both at once, or they could be the same.
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its address").to_string())
}

fn free_address() -> String {
    let [address, _] = free_addresses();
    address
}

fn report_skipped(case: &str, why: &str) {
    eprintln!("NOT PROVED HERE: {case}: {why}");
}
