//! The mount needs root.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    pub(crate) fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(folder.path());
        run(&mut mount)?;
        Ok(Self { folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn fill(&self) {
        let mut junk = File::create(self.path("junk")).expect("a file");
        // Down to single bytes, so that no page is free.
        for size in [1 << 20, 4096, 1] {
            while junk.write_all(&vec![0; size]).is_ok() {}
        }
    }

    pub(crate) fn clear(&self) {
        fs::remove_file(self.path("junk")).expect("the junk file exists");
    }

    pub(crate) fn remount(&self, how: &str) -> Result<(), String> {
        run(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.folder.path()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a bridge of a failed case may still use it.
        let path: &Path = self.folder.path();
        let _ = run(Command::new("umount").arg("-l").arg(path));
    }
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display())),
    }
}
