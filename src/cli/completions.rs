//! `completions`: prints a shell's completion script.

use super::{Cli, Failure};
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Shell.
    shell: Shell,
}

const EXAMPLE: &str = "\
Install them once, then open a new shell:

  bash        d=~/.local/share/bash-completion/completions; mkdir -p $d
              justcall-bridge completions bash > $d/justcall-bridge
  zsh         justcall-bridge completions zsh > \"${fpath[1]}/_justcall-bridge\"
  fish        d=~/.config/fish/completions; mkdir -p $d
              justcall-bridge completions fish > $d/justcall-bridge.fish
  powershell  justcall-bridge completions powershell >> $PROFILE
  elvish      justcall-bridge completions elvish >> ~/.config/elvish/rc.elv

In the bash that is open, without installing: source <(justcall-bridge completions bash)";

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    super::print(&script(args.shell))
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "justcall-bridge", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // clap_complete 4.6 spells a name with a dash in two ways in bash, so that no options complete.
    if shell == Shell::Bash { script.replace("justcall__subcmd__bridge", "justcall__bridge") } else { script }
}

#[cfg(test)]
mod tests {
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
}
