//! Settings: where they come from (tree), how they are written (layout, kinds), whether they fit
//! together (check) and what they mean (settings).
//!
//! To add a setting: a field in its part's configuration, its default in [`Settings::default`], a
//! line in `layout.rs`. Reading, printing and the report of unknown keys all follow that line.

mod check;
mod doors;
mod form;
mod kinds;
mod layout;
mod lines;
mod printer;
mod problem;
mod reader;
mod reload;
mod settings;
mod shape;
mod tree;

pub use doors::OpenDoor;
pub use printer::print_config;
pub use problem::{Problem, Problems};
pub use reload::Reload;
pub use settings::{Settings, ShutdownConfig};
pub use tree::{Files, SettingsFile, Sources};

#[cfg(test)]
mod tests;

impl Settings {
    /// Reads and checks the settings: defaults, then the file, the environment and the flags, of
    /// which the later wins.
    ///
    /// # Errors
    /// Every problem there is, not the first only.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let (settings, problems) = read(sources);
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }

    /// The same for a bridge that the world can reach: here it must be said of each source that takes
    /// unsigned events that it does.
    ///
    /// # Errors
    /// Every problem there is.
    pub fn load_to_serve(sources: &Sources) -> Result<Self, Problems> {
        let (settings, mut problems) = read(sources);
        let file = sources.file().map(|file| file.display().to_string());
        // Where the file cannot be read, what it says of its sources is not known.
        if problems.iter().all(|problem| Some(&problem.key) != file.as_ref()) {
            check::undecided(&settings, &mut problems);
        }
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }
}

/// The settings as far as they can be read, and all that is wrong with them.
fn read(sources: &Sources) -> (Settings, Vec<Problem>) {
    let mut problems = Vec::new();
    let root = tree::collect(sources, &mut problems);
    let mut settings = Settings::default();
    reader::read(&root, &mut problems, |form| layout::settings(form, &mut settings));
    check::check(&mut settings, &root, sources.files, &mut problems);
    (settings, problems)
}
