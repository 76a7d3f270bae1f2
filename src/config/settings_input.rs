//! Places that settings are read from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Places that settings are read from, besides their defaults. A later field overrides an earlier one.
#[derive(Clone, Default)]
pub struct SettingsInput {
    /// Settings file.
    pub file: SettingsFile,
    /// Environment variables. Only those that begin with `JUSTCALL_BRIDGE__` are settings.
    pub environment: Vec<(OsString, OsString)>,
    /// Flags as `key=value`, such as `kafka.ack_deadline=3s`.
    pub flags: Vec<String>,
    /// Files that are read among those that the settings name.
    pub referenced_files: ReferencedFiles,
}

/// Files that are read, and must exist, among those that the settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferencedFiles {
    /// Every file, as a bridge needs them.
    #[default]
    All,
    /// Files with Kafka's properties. For commands that connect to Kafka.
    OfKafka,
    /// No file. For commands that only evaluate the settings, such as in CI.
    None,
}

/// Settings file that is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SettingsFile {
    /// No file.
    #[default]
    None,
    /// `config/bridge.yaml`, otherwise `/etc/justcall-bridge/bridge.yaml`, otherwise no file.
    Usual,
    /// File that must exist.
    At(PathBuf),
}

const USUAL_FILES: [&str; 2] = ["config/bridge.yaml", "/etc/justcall-bridge/bridge.yaml"];

impl SettingsInput {
    /// Returns the settings file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.file {
            SettingsFile::None => None,
            SettingsFile::Usual => USUAL_FILES.iter().map(Path::new).find(|path| path.exists()),
            SettingsFile::At(path) => Some(path),
        }
    }

    /// Returns the same input, whose file must exist from now on if it exists now.
    #[must_use]
    pub fn pinned(self) -> Self {
        let file = self.file().map_or(SettingsFile::None, |path| SettingsFile::At(path.to_owned()));
        Self { file, ..self }
    }
}
