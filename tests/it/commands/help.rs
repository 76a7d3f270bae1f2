use crate::kit::golden;
use crate::kit::process::{Process, bridge_command};
use std::process::Command;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

fn output(args: &[&str]) -> String {
    output_at_width(args, "100")
}

fn output_at_width(args: &[&str], columns: &str) -> String {
    let mut process = Process::bridge(args, &[("COLUMNS", columns)]);
    let status = process.wait_exit(TIMEOUT);
    assert!(status.success(), "{args:?}: {status} {:?}", process.stderr());
    process.stdout().iter().map(|line| format!("{line}\n")).collect()
}

fn commands(help: &str) -> Vec<String> {
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Returns the number of commands.
fn compare_help(path: &[String]) -> usize {
    let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let help = output(&args);
    let name = if path.is_empty() { "justcall-bridge".to_owned() } else { path.join("-") };
    golden::same(&format!("help/{name}.txt"), &help);
    let below = commands(&help).into_iter().map(|command| {
        let path: Vec<_> = path.iter().cloned().chain([command]).collect();
        compare_help(&path)
    });
    1 + below.sum::<usize>()
}

#[test]
fn help_of_every_command_has_an_example_and_matches_its_golden_file() {
    let compared = compare_help(&[]);
    assert!(compared > 20, "{compared} commands only");
}

#[test]
fn examples_of_serve_are_valid_settings() {
    let help = output_at_width(&["serve", "--help"], "1000");
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let examples: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(examples.len(), 3, "{help}");
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "sources: { main: { signature: { required: false } } }";
    std::fs::write(folder.path().join("bridge.yaml"), settings).expect("settings");
    for example in examples {
        let line = example.replace("justcall-bridge serve", "\"$0\" check --offline");
        let bridge = bridge_command();
        let mut command = Command::new("sh");
        command.args(["-c", &line]).arg(bridge.get_program()).current_dir(&folder);
        let mut process = Process::start(&mut command);
        let status = process.wait_exit(TIMEOUT);
        assert!(status.success(), "{example}: {:?}", process.stdout());
    }
}

#[test]
fn default_settings_match_the_golden_file() {
    golden::same("print-config.yaml", &output(&["serve", "--print-config"]));
}
