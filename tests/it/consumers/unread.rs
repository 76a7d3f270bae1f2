//! A program whose output nobody reads, so that it stands still in the middle of its work.

use rustix::io::ioctl_fionread;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It stands still when it has printed nothing for so long: a pipe that nobody reads takes 64 KiB, and less
/// where a user has many of them.
const STILL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(120);

/// Such a program. It is killed when this value goes.
pub(super) struct Unread(Child);

impl Unread {
    /// Starts it and waits until it can print no more.
    pub(super) fn stuck(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let program = Self(child.expect("a program that starts"));
        let began = Instant::now();
        let (mut printed, mut since) = (0, began);
        while printed == 0 || since.elapsed() < STILL {
            assert!(began.elapsed() < PATIENCE, "not stuck within {PATIENCE:?}: {printed} bytes");
            std::thread::sleep(Duration::from_millis(20));
            let now = ioctl_fionread(program.0.stdout.as_ref().expect("piped above")).expect("a length");
            if now != printed {
                (printed, since) = (now, Instant::now());
            }
        }
        program
    }

    /// Kills it, as a power cut would, and returns the lines that it printed as a whole.
    pub(super) fn kill(mut self) -> Vec<String> {
        self.0.kill().expect("it runs");
        self.0.wait().expect("a child can be waited for");
        let mut text = String::new();
        self.0.stdout.take().expect("piped above").read_to_string(&mut text).expect("text");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
