use rustix::io::ioctl_fionread;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An unread pipe takes 64 KiB, and less if a user has many.
const BLOCKED_AFTER: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(120);

pub(super) struct BlockedProgram(Child);

impl BlockedProgram {
    pub(super) fn start_blocked(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let program = Self(child.expect("a program that starts"));
        let began = Instant::now();
        let (mut printed, mut since) = (0, began);
        while printed == 0 || since.elapsed() < BLOCKED_AFTER {
            assert!(began.elapsed() < TIMEOUT, "not blocked within {TIMEOUT:?}: {printed} bytes");
            std::thread::sleep(Duration::from_millis(20));
            let now = ioctl_fionread(program.0.stdout.as_ref().expect("piped above")).expect("a length");
            if now != printed {
                (printed, since) = (now, Instant::now());
            }
        }
        program
    }

    pub(super) fn kill(mut self) -> Vec<String> {
        self.0.kill().expect("it runs");
        self.0.wait().expect("the child's end");
        let mut text = String::new();
        self.0.stdout.take().expect("piped above").read_to_string(&mut text).expect("text");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }
}

impl Drop for BlockedProgram {
    fn drop(&mut self) {
        // Both fail only if the program has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
