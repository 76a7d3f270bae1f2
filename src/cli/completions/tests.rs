use super::*;
use clap::ValueEnum;

#[test]
fn completions_contain_every_command() {
    for shell in Shell::value_variants() {
        let script = script(*shell);
        for command in Cli::command().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
}

#[test]
fn every_shell_has_an_install_line() {
    for shell in Shell::value_variants() {
        assert!(EXAMPLE.contains(&format!("justcall-bridge completions {shell} >")), "{shell}");
    }
}
