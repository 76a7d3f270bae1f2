//! `topics plan`, `apply` and `export`, against a real cluster and the files that they should print.

mod applied;
mod exported;
mod planned;
mod rights;

use crate::kit::process::Process;
use crate::kit::topic_name;
use std::time::Duration;

/// How long a command may take. It takes a second, unless the machine is crowded.
const WITHIN: Duration = Duration::from_secs(120);

/// How a run ended.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// `justcall-bridge topics` with words and settings.
fn topics(words: &[&str], settings: &[String]) -> Run {
    run(&[&["topics"], words].concat(), settings)
}

/// `justcall-bridge` with words and settings.
fn run(words: &[&str], settings: &[String]) -> Run {
    let mut args = words.to_vec();
    args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let mut process = Process::bridge(&args, &[]);
    let code = process.wait_exit(WITHIN).code().expect("an exit of its own");
    let lines = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect();
    Run { code, out: lines(process.stdout()), err: lines(process.stderr()) }
}

impl Run {
    /// What it printed, once it is clear how it ended.
    #[track_caller]
    fn with_code(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self.out
    }
}

/// Settings with four topics of a prefix that nobody else uses.
struct Team {
    prefix: String,
    settings: Vec<String>,
}

impl Team {
    fn new(bootstrap: &str, further: &[&str]) -> Self {
        let prefix = format!("{}.", topic_name("team"));
        let mut settings = vec![
            format!("kafka.bootstrap_servers={bootstrap}"),
            format!("topics.prefix={prefix}"),
            format!(
                "routes=[{{match: \"call.*\", topics: [\"{prefix}calls\"]}}, \
                 {{match: \"sms.*\", topics: [\"{prefix}sms\"]}}, \
                 {{match: \"*\", topics: [\"{prefix}rest\"]}}]"
            ),
        ];
        settings.extend(further.iter().map(|setting| (*setting).to_owned()));
        Self { prefix, settings }
    }

    fn topic(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    fn run(&self, words: &[&str]) -> Run {
        topics(words, &self.settings)
    }

    /// With further settings, which win.
    fn run_with(&self, words: &[&str], further: &[&str]) -> Run {
        let further = further.iter().map(|setting| (*setting).to_owned());
        topics(words, &self.settings.iter().cloned().chain(further).collect::<Vec<_>>())
    }

    /// What it printed, with the prefix that every run has.
    fn plain(&self, text: &str) -> String {
        text.replace(&self.prefix, "justcall.")
    }
}
