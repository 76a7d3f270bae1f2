use crate::kit::process::bridge_command;
use std::process::Command;

fn offered(line: &[&str]) -> Vec<String> {
    let script = bridge_command().args(["completions", "bash"]).output().expect("it starts");
    assert!(script.status.success());
    let script = String::from_utf8(script.stdout).expect("text");
    // Finds the function as bash does: by the registration of `complete`.
    let ask = r#"
        eval "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        function=$(complete -p justcall-bridge | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" justcall-bridge "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", ask, "bash", &script]).args(line);
    let output = bash.output().expect("bash starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{err}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["justcall-bridge", "sch"]), ["schema"]);
    assert_eq!(offered(&["justcall-bridge", "schema", "asy"]), ["asyncapi"]);
    assert_eq!(offered(&["justcall-bridge", "serve", "--conf"]), ["--config"]);
    assert_eq!(offered(&["justcall-bridge", "send", "--dialect", "l"]), ["live"]);
    assert!(
        offered(&["justcall-bridge", "schema", "events", "call.c"]).contains(&"call.completed".to_owned())
    );
}

#[test]
fn unknown_shell_is_a_usage_error() {
    let run = bridge_command().args(["completions", "tcsh"]).output().expect("it starts");
    assert_eq!(run.status.code(), Some(2));
}
