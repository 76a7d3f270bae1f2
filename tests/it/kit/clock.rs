//! A library, loaded before the C library, adds an offset to the wall clock of one process.

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
    pub(crate) fn build() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        shim::build(SHIM, &folder.path().join("clock.so"))?;
        let clock = Self { folder };
        clock.jump(0);
        Ok(clock)
    }

    /// From the true time.
    pub(crate) fn jump(&self, seconds: i64) {
        let mut file = File::options().write(true).create(true).truncate(false).open(self.path("offset"));
        // A fixed length in one write, so that no reader sees a partial value.
        let file = file.as_mut().expect("the offset");
        file.write_all(format!("{seconds:+020}").as_bytes()).expect("the offset");
    }

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
