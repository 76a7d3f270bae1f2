use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Places that settings are read from. A later field overrides an earlier one.
#[derive(Clone, Default)]
pub struct SettingsInput {
    /// Settings file.
    pub file: SettingsFile,
    /// Only variables that begin with `JUSTCALL_BRIDGE__` are settings.
    pub environment: Vec<(OsString, OsString)>,
    /// As `key=value`.
    pub flags: Vec<String>,
    /// Files to read among those that the settings name.
    pub referenced_files: ReferencedFiles,
}

/// These files must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferencedFiles {
    /// As a bridge needs them.
    #[default]
    All,
    /// Used by commands that connect to Kafka.
    OfKafka,
    /// Used by commands that only evaluate the settings, such as in CI.
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
    /// Path of the settings file.
    pub fn file(&self) -> Option<&Path> {
        match &self.file {
            SettingsFile::None => None,
            SettingsFile::Usual => USUAL_FILES.iter().map(Path::new).find(|path| path.exists()),
            SettingsFile::At(path) => Some(path),
        }
    }

    /// If the file exists now, it must exist from now on.
    #[must_use]
    pub fn pinned(self) -> Self {
        let file = self.file().map_or(SettingsFile::None, |path| SettingsFile::At(path.to_owned()));
        Self { file, ..self }
    }
}
