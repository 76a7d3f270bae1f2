//! Layers of settings: file, environment and flags, merged into one tree.

mod file;
mod merge;
mod names;
mod overrides;

use super::error::SettingError;
use super::schema::lookup::is_secret;
use super::settings_input::SettingsInput;
use super::value_path::find_path;
use config::{Map, Value};
use merge::merge;

pub(super) struct Layers {
    pub(super) root: Value,
    /// Key of a secret that the settings file contains itself.
    pub(super) secret_in_file: Option<String>,
}

pub(super) fn read_layers(input: &SettingsInput, errors: &mut Vec<SettingError>) -> Layers {
    let file = input.file().and_then(|path| file::read(path, errors));
    let secret_in_file = file.as_ref().and_then(|file| find_path(file, &is_secret));
    let mut layers: Vec<_> = file.map(Ok).into_iter().collect();
    let mut environment: Vec<_> = input.environment.iter().collect();
    environment.sort_unstable();
    layers.extend(
        environment.iter().filter_map(|(name, text)| overrides::from_variable(name, text).transpose()),
    );
    layers.extend(input.flags.iter().enumerate().map(|(index, flag)| overrides::from_flag(index, flag)));
    let mut root = Value::new(None, Map::<String, Value>::new());
    for layer in layers {
        match layer {
            Ok(layer) => merge(&mut Vec::new(), &mut root, layer, errors),
            Err(error) => errors.push(error),
        }
    }
    let variables = input.environment.iter().filter_map(|(name, _)| name.to_str());
    for (key, [first, second]) in names::duplicates(variables) {
        let reason = format!("is set by the environment variables {first} and {second}: set one of them");
        errors.push(SettingError::without_value(key, None, reason));
    }
    Layers { root, secret_in_file: secret_in_file.map(|path| path.join(".")) }
}

#[cfg(test)]
mod tests {
    use super::merge::merge;
    use super::names::{path_of, variable_for};
    use super::{SettingsInput, is_secret};
    use crate::config::yaml::parse;
    use config::Value;

    impl SettingsInput {
        /// From `key=value`: secrets by the environment, the others by flags.
        pub(crate) fn given(settings: &[&str]) -> Self {
            let mut input = Self::default();
            for setting in settings {
                match setting.split_once('=') {
                    Some((key, text)) if is_secret(&path_of(key)) => {
                        let name = variable_for(&path_of(key)).unwrap();
                        input.environment.push((name.into(), text.into()));
                    }
                    _ => input.flags.push((*setting).to_owned()),
                }
            }
            input
        }
    }

    fn tree(yaml: &str) -> Value {
        parse(yaml, |_| "test".to_owned()).unwrap()
    }

    #[test]
    fn maps_are_merged_and_everything_else_is_replaced() {
        let mut under = tree("a: { b: 1, c: [1, 2] }\nd: 1\ne: { f: 1 }\ng: 1");
        let mut errors = Vec::new();
        merge(&mut Vec::new(), &mut under, tree("a: { c: [3] }\nd: { x: 1 }\ne: 2\ng:"), &mut errors);
        assert_eq!(under, tree("a: { b: 1, c: [3] }\nd: { x: 1 }\ne: 2\ng: 1"));
        assert_eq!(errors.iter().map(|error| &*error.key).collect::<Vec<_>>(), ["d", "e"]);
    }
}
