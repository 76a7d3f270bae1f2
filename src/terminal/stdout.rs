//! Standard output that is open for writing.
//!
//! Rust's runtime hides two faults: it opens /dev/null in place of a closed stdout, and it takes a write to a
//! descriptor that is not open for writing as a success. Both would lose the output without an error.

#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "only a function that the loader calls runs before Rust's runtime")
)]

use rustix::fs::{OFlags, fcntl_getfl};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// True if stdout was closed when the process started. Always false on systems other than Linux.
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Entry in the list of functions that the loader calls before `main`.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section is a list of functions of this type. This one calls the system and sets a flag, and needs
// nothing that Rust's runtime prepares.
#[unsafe(link_section = ".init_array")]
static EXAMINE: extern "C" fn() = examine;

#[cfg(target_os = "linux")]
extern "C" fn examine() {
    WAS_CLOSED.store(rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err(), Ordering::Relaxed);
}

/// Fails if stdout is not open for writing.
pub(super) fn check() -> io::Result<()> {
    let mode = fcntl_getfl(rustix::stdio::stdout())? & OFlags::ACCMODE;
    if WAS_CLOSED.load(Ordering::Relaxed) || (mode != OFlags::WRONLY && mode != OFlags::RDWR) {
        return Err(io::Error::other("stdout is not open for writing"));
    }
    Ok(())
}

/// Writer to stdout that checks it before the first write. A command that prints nothing does not need it.
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
