use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Dropping it kills the program.
pub(crate) struct Process {
    child: Child,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    folder: Option<TempDir>,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Vec<(Stream, String)>>,
    more: Condvar,
    stalled: AtomicBool,
    ended: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

impl Process {
    pub(crate) fn bridge(args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = bridge_command();
        configure(&mut command, args).envs(env.iter().copied()).current_dir(&folder);
        let mut bridge = Self::start(&mut command);
        bridge.folder = Some(folder);
        bridge
    }

    pub(crate) fn bridge_ignoring(signal: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::bridge_after(&format!("trap '' {signal}"), args, env)
    }

    pub(crate) fn bridge_after(shell: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plain = bridge_command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]).arg(plain.get_program());
        for (name, _) in plain.get_envs() {
            command.env_remove(name);
        }
        configure(&mut command, args).envs(env.iter().copied()).current_dir(&folder);
        let mut bridge = Self::start(&mut command);
        bridge.folder = Some(folder);
        bridge
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        let output = Arc::new(Output::default());
        let out = child.stdout.take().expect("piped above");
        let err = child.stderr.take().expect("piped above");
        let readers = vec![output.keep(Stream::Out, out), output.keep(Stream::Err, err)];
        Self { child, output, readers, folder: None }
    }

    pub(crate) fn stall_stderr(&self, stalled: bool) {
        self.output.stalled.store(stalled, Ordering::Release);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Searches both streams.
    pub(crate) fn wait_for_line(&self, text: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        let mut lines = self.output.lines();
        loop {
            if let Some((_, line)) = lines.iter().find(|(_, line)| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line with {text:?} within {within:?}, but:\n{lines:#?}");
            let ended = self.output.ended.load(Ordering::Acquire) == 2;
            assert!(!ended, "the output ended without a line with {text:?}:\n{lines:#?}");
            let woken = self.output.more.wait_timeout(lines, left);
            lines = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn stdout(&self) -> Vec<String> {
        self.printed(Stream::Out)
    }

    pub(crate) fn stderr(&self) -> Vec<String> {
        self.printed(Stream::Err)
    }

    /// The name has no `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        // A small machine may have no other `kill`.
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.expect("sh starts").success(), "signal {name} was not sent");
    }

    pub(crate) fn try_exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child's state")
    }

    /// Includes the end of the output.
    pub(crate) fn wait_exit(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child's state") {
                self.readers.drain(..).for_each(|reader| reader.join().expect("a reader"));
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the program did not end within {within:?}:\n{:#?}",
                *self.output.lines()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn printed(&self, stream: Stream) -> Vec<String> {
        let lines = self.output.lines();
        lines.iter().filter(|(from, _)| *from == stream).map(|(_, line)| line.clone()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn lines(&self) -> MutexGuard<'_, Vec<(Stream, String)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(self: &Arc<Self>, stream: Stream, from: impl Read + Send + 'static) -> JoinHandle<()> {
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                output.lines().push((stream, String::from_utf8_lossy(&line).into_owned()));
                output.more.notify_all();
                while stream == Stream::Err && output.stalled.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            // Under the lock, or a waiting thread would miss this notification.
            let _lines = output.lines();
            output.ended.fetch_add(1, Ordering::Release);
            output.more.notify_all();
        })
    }
}

/// The bridge refuses secrets in arguments, so they become environment variables.
pub(crate) fn configure<'c>(command: &'c mut Command, args: &[&str]) -> &'c mut Command {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match rest.as_slice().first().and_then(|setting| secret_variable(arg, setting)) {
            Some((name, text)) => {
                rest.next();
                command.env(name, text);
            }
            None => {
                command.arg(arg);
            }
        }
    }
    command
}

fn secret_variable(arg: &str, setting: &str) -> Option<(String, String)> {
    const SECRETS: [&str; 5] =
        [".signature.secrets", ".token", ".sasl.password", ".ssl.key.pem", ".ssl.key.password"];
    let (key, text) = setting.split_once('=')?;
    let is_secret = SECRETS.iter().any(|end| key.ends_with(end)) && !key.contains("_files.")
        || key.starts_with("telemetry.otlp_headers.");
    let properties = "kafka.properties.";
    let name = match key.strip_prefix(properties) {
        Some(property) => format!("{properties}{}", property.replace('.', "_")),
        None => key.to_owned(),
    };
    let name = name.replace('.', "__").replace('-', "_").to_ascii_uppercase();
    (arg == "--set" && is_secret).then(|| (format!("JUSTCALL_BRIDGE__{name}"), text.to_owned()))
}

/// Without settings from the tests' own environment.
pub(crate) fn bridge_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_justcall-bridge"));
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("JUSTCALL_BRIDGE")) {
        command.env_remove(name);
    }
    command
}
