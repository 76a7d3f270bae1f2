//! Check of standard output. Rust's runtime ignores failed writes to a descriptor that is not open for
//! writing, and opens /dev/null in place of a closed stdout.

use rustix::fs::{OFlags, fcntl_getfl};
use std::io::{self, Write};

pub(super) fn check() -> io::Result<()> {
    let mode = fcntl_getfl(rustix::stdio::stdout())? & OFlags::ACCMODE;
    if mode != OFlags::WRONLY && mode != OFlags::RDWR {
        return Err(io::Error::other("stdout is not open for writing"));
    }
    Ok(())
}

/// Checks stdout before the first write: a command that prints nothing does not need it.
pub(crate) struct Stdout {
    inner: io::Stdout,
    is_checked: bool,
}

impl Stdout {
    pub(super) fn new() -> Self {
        Self { inner: io::stdout(), is_checked: false }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_checked {
            check()?;
            self.is_checked = true;
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
