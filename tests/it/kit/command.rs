use super::process::Process;
use std::time::Duration;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) struct Ran {
    /// `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        self.stdout.iter().map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (out, err) = (self.text(), self.stderr.join("\n"));
        write!(f, "code {:?}\n--- stdout\n{out}--- stderr\n{err}\n---", self.code)
    }
}

pub(crate) struct Place {
    settings: Vec<String>,
}

impl Place {
    pub(crate) fn new(bootstrap: &str, prefix: &str) -> Self {
        let settings = [
            format!("kafka.bootstrap_servers={bootstrap}"),
            format!("topics.prefix={prefix}"),
            "topics.partitions=6".into(),
            "topics.replication_factor=1".into(),
        ];
        Self { settings: settings.into() }
    }

    pub(crate) fn with(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    pub(crate) fn start(&self, args: &[&str]) -> Process {
        let mut args = args.to_vec();
        for setting in &self.settings {
            args.extend(["--set", setting]);
        }
        Process::bridge(&args, &[])
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(self.start(args))
    }
}

pub(crate) fn finish(mut process: Process) -> Ran {
    let code = process.wait_exit(TIMEOUT).code();
    Ran { code, stdout: process.stdout(), stderr: process.stderr() }
}

pub(crate) fn normal(text: &str, prefix: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let text = text.replace(prefix, "justcall.");
    let is_time = |window: &[u8]| {
        window.iter().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
    };
    let mut bytes = text.into_bytes();
    for at in 0..bytes.len().saturating_sub(SHAPE.len() - 1) {
        if is_time(&bytes[at..at + SHAPE.len()]) {
            bytes[at..at + SHAPE.len()].copy_from_slice(b"2026-01-02T03:04:05.678Z");
        }
    }
    String::from_utf8(bytes).expect("only digits were changed")
}
