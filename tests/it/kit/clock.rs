//! A wall clock that jumps, for one process alone: a small library, loaded before the C library,
//! adds to what the clock says. The monotonic clock stays true, as it does on a machine whose time
//! is set.

use super::shim;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

const SHIM: &str = include_str!("clock.c");

pub(crate) struct Clock {
    folder: TempDir,
}

impl Clock {
    /// Builds the library; else says what stands in the way.
    pub(crate) fn build() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        shim::build(SHIM, &folder.path().join("clock.so"))?;
        let clock = Self { folder };
        clock.jump(0);
        Ok(clock)
    }

    /// Puts the clock that many seconds before or after the true time.
    pub(crate) fn jump(&self, seconds: i64) {
        let mut file = File::options().write(true).create(true).truncate(false).open(self.path("offset"));
        // Always as long and in one write, so that no reader sees half of it.
        let file = file.as_mut().expect("the offset");
        file.write_all(format!("{seconds:+020}").as_bytes()).expect("the offset");
    }

    /// What a process needs in its environment to live by this clock.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.path("clock.so").display().to_string()),
            ("KIT_CLOCK_OFFSET", self.path("offset").display().to_string()),
        ]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
