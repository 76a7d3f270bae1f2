mod applied;
mod exported;
mod planned;
mod rights;

use crate::kit::process::Process;
use crate::kit::topic_name;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(120);

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn topics(words: &[&str], settings: &[String]) -> Run {
    run(&[&["topics"], words].concat(), settings)
}

fn run(words: &[&str], settings: &[String]) -> Run {
    let mut args = words.to_vec();
    args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let mut process = Process::bridge(&args, &[]);
    let code = process.wait_exit(TIMEOUT).code().expect("an exit code, not a signal");
    let lines = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect();
    Run { code, out: lines(process.stdout()), err: lines(process.stderr()) }
}

impl Run {
    #[track_caller]
    fn expect_code(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self.out
    }
}

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

    fn run_with(&self, words: &[&str], further: &[&str]) -> Run {
        let further = further.iter().map(|setting| (*setting).to_owned());
        topics(words, &self.settings.iter().cloned().chain(further).collect::<Vec<_>>())
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&self.prefix, "justcall.")
    }
}
