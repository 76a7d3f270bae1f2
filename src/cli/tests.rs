use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_shows_an_example() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains(&format!("justcall-bridge {}", command.get_name())), "{}", command.get_name());
    }
}

#[test]
fn setting_has_a_key_and_any_value() {
    let Command::Serve(args) = parse("justcall-bridge serve --set a.b=c=d --set e=").unwrap().command else {
        panic!("not serve");
    };
    assert_eq!(args.settings.set, ["a.b=c=d", "e="]);
    // The settings reject the value. The parser's own error would quote it, and it may be a secret.
    assert!(parse("justcall-bridge serve --set c").is_ok());
}

#[test]
fn dev_listens_on_loopback_by_default() {
    let Command::Dev(args) = parse("justcall-bridge dev").unwrap().command else { panic!("not dev") };
    assert!(args.listen.ip().is_loopback() && args.admin_listen.ip().is_loopback());
    assert_ne!(args.listen.port(), args.admin_listen.port());
}

#[test]
fn help_exits_with_0_and_invalid_usage_with_2() {
    let code = |line: &str| parse(line).map_or_else(|error| error.exit_code(), |_| 0);
    assert_eq!(code("justcall-bridge send --help"), 0);
    assert_eq!(code("justcall-bridge brew"), 2);
    assert_eq!(format!("{:?}", usage_error("no")), format!("{:?}", ExitCode::from(2)));
}
