//! Settings: layers, deserialization, validation, printing and reload.
//!
//! A new setting needs a field in its room's `Config`, a default in [`Settings::default`], and a line in
//! `schema.rs`, which deserialization, printing and the report of unknown keys follow.

mod deserialize;
mod error;
mod layers;
mod printer;
mod reload;
mod schema;
mod security_warnings;
mod settings;
mod settings_input;
mod validate;
mod value_path;
mod value_types;
mod yaml;

pub(crate) use error::SettingError;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use error::SettingErrors;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use printer::print_config;
pub(crate) use reload::ReloadPlan;
pub(crate) use security_warnings::{AccessExtent, SecurityWarning, foreign_owner};
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use settings::Settings;
pub(crate) use settings::ShutdownConfig;
pub(crate) use settings_input::ReferencedFiles;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use settings_input::{SettingsFile, SettingsInput};

#[cfg(test)]
mod tests;

impl Settings {
    /// Reads and validates defaults, file, environment and flags, in this order. Returns every error.
    pub fn load(input: &SettingsInput) -> Result<Self, SettingErrors> {
        let (settings, errors) = read(input);
        if errors.is_empty() { Ok(settings) } else { Err(SettingErrors(errors)) }
    }

    /// Like [`Settings::load`]. Each source must have a secret or state that it accepts unsigned events.
    pub fn load_to_serve(input: &SettingsInput) -> Result<Self, SettingErrors> {
        let (settings, mut errors) = read(input);
        let file = input.file().map(|file| file.display().to_string());
        // The sources in an unreadable file are not known.
        if errors.iter().all(|error| Some(&error.key) != file.as_ref()) {
            validate::sources::require_signature_decisions(&settings, &mut errors);
        }
        if errors.is_empty() { Ok(settings) } else { Err(SettingErrors(errors)) }
    }
}

/// Returns the settings as far as they can be read.
fn read(input: &SettingsInput) -> (Settings, Vec<SettingError>) {
    let mut errors = Vec::new();
    let layers = layers::read_layers(input, &mut errors);
    let mut settings = deserialize::deserialize(&layers.root, &mut errors);
    settings.secret_in_file = layers.secret_in_file;
    validate::validate(&mut settings, &layers.root, input.referenced_files, &mut errors);
    (settings, errors)
}
