//! Fuzz target: any settings file with any variables and flags.
//!
//! Lines of the file that begin with `JUSTCALL_BRIDGE__` are variables, those that begin with `--set ` are flags.
#![no_main]

use justcall_kafka_bridge::internals::config::{
    SettingErrors, Settings, SettingsFile, SettingsInput, print_config,
};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

const CANARY: &str = "Kanarienvogel";

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("justcall-bridge-fuzz-{}.yaml", std::process::id()))
});

fuzz_target!(|input: &str| {
    // Settings can name files, and the fuzzer must not read arbitrary ones.
    if input.to_ascii_lowercase().contains("_file") && input.contains(['/', '\\']) {
        return;
    }
    let flags = input.lines().filter_map(|line| line.strip_prefix("--set ")).map(str::to_owned).collect();
    let environment = input
        .lines()
        .filter(|line| line.starts_with("JUSTCALL_BRIDGE__"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    let is_file = |line: &&str| !line.starts_with("JUSTCALL_BRIDGE__") && !line.starts_with("--set ");
    let file: String = input.split_inclusive('\n').filter(is_file).collect();
    let mut given = Input { file, environment, flags };
    match given.load() {
        Ok(settings) => printed_settings_load_again(&settings),
        Err(problems) => problems_have_a_key_and_a_reason(&problems),
    }
    given.flags.push(format!("kafka.properties.sasl.password={CANARY}"));
    let shown = match given.load() {
        Ok(settings) => print_config(&settings),
        Err(problems) => format!("{problems}\n{problems:?}"),
    };
    assert!(!shown.contains(CANARY) || input.contains(CANARY), "a secret is shown");
});

struct Input {
    file: String,
    environment: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Input {
    fn load(&self) -> Result<Settings, SettingErrors> {
        std::fs::write(&*FILE, &self.file).expect("a place for the settings file");
        let (environment, flags) = (self.environment.clone(), self.flags.clone());
        Settings::load(&SettingsInput {
            file: SettingsFile::At(FILE.clone()),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            flags,
            ..SettingsInput::default()
        })
    }
}

fn printed_settings_load_again(settings: &Settings) {
    let printed = print_config(settings);
    let given = Input { file: printed.clone(), environment: Vec::new(), flags: Vec::new() };
    let is_hidden = printed.contains("***");
    match given.load() {
        Ok(again) => {
            assert_eq!(print_config(&again), printed, "the printed settings differ");
            assert!(is_hidden || again == *settings, "the settings have another meaning");
        }
        // `***` need not be a valid value of the hidden setting.
        Err(problems) => assert!(is_hidden, "the printed settings do not load: {problems}"),
    }
}

fn problems_have_a_key_and_a_reason(problems: &SettingErrors) {
    assert!(!problems.0.is_empty(), "refused without a problem");
    for problem in &problems.0 {
        assert!(!problem.key.is_empty() && !problem.reason.is_empty(), "a problem without a key: {problem}");
    }
}
