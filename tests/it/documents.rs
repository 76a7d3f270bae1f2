use crate::kit::command::finish;
use crate::kit::process::Process;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CALLS: [&str; 2] = ["justcall-bridge", "cargo run --"];

#[test]
fn every_command_in_the_documents_is_accepted() {
    let lines: Vec<_> = documents().iter().flat_map(|document| command_lines(&read(document))).collect();
    assert!(lines.len() > 80, "{} command lines only", lines.len());
    let refused: Vec<_> = lines.iter().filter_map(|line| usage_error(line)).collect();
    assert!(refused.is_empty(), "\n{}", refused.join("\n"));
}

#[test]
fn command_with_an_unknown_flag_is_found_and_refused() {
    let text = "\
Run `justcall-bridge spool status --jsonn`, or `justcall-bridge <command>`.
```sh
$ X=1 justcall-bridge tail --type 'call.* | sms' --limitt 3 \\
    --json | sort   # not justcall-bridge at all
curl http://bridge/ | justcall-bridge serve > log && justcall-bridge check --probes
kubectl exec bridge-0 -- justcall-bridge spool list
```
justcall-bridge is a program.
";
    let lines = command_lines(text);
    let expected = [
        "spool status --jsonn",
        "tail --type call.* | sms --limitt 3 --json",
        "serve",
        "check --probes",
        "spool list",
    ];
    assert_eq!(lines.iter().map(|line| line.join(" ")).collect::<Vec<_>>(), expected);
    let refused: Vec<_> = lines.iter().map(|line| usage_error(line).is_some()).collect();
    assert_eq!(refused, [true, true, false, true, true]);
}

#[test]
fn every_metric_in_the_documents_is_in_the_catalogue() {
    let catalogue = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/metrics.md"));
    let named: BTreeSet<_> = documents().iter().flat_map(|document| metrics(&read(document))).collect();
    assert!(named.len() > 30, "{named:?}");
    let is_there = |name: &str| catalogue.contains(&format!("| `{name}` |"));
    let parts = ["_bucket", "_count", "_sum"];
    let is_part = |name: &str| parts.iter().any(|part| name.strip_suffix(part).is_some_and(is_there));
    let unknown: Vec<_> = named.iter().filter(|name| !is_there(name) && !is_part(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn metrics(document: &str) -> Vec<String> {
    let rests = document.split("justcall_bridge_").skip(1);
    let code = document.split('`').skip(1).step_by(2);
    let rests = rests.chain(code.filter(|code| code.starts_with("process_") && *code != "process_"));
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    rests.map(name).filter(|name: &String| !name.is_empty()).collect()
}

fn usage_error(args: &[String]) -> Option<String> {
    // The help is printed only if everything before it was valid.
    let mut asked: Vec<&str> = args.iter().map(String::as_str).collect();
    asked.push("--help");
    let ran = finish(Process::bridge(&asked, &[]));
    (ran.code != Some(0)).then(|| format!("{}: {}", args.join(" "), ran.stderr.join(" ")))
}

fn command_lines(document: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut is_code = false;
    let whole = document.replace("\\\n", " ");
    for line in whole.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            found.extend(calls(line));
        } else {
            found.extend(line.split('`').skip(1).step_by(2).flat_map(calls));
        }
    }
    found
}

fn calls(line: &str) -> Vec<Vec<String>> {
    let words = words(line);
    let commands = words.split(|word| matches!(word.as_str(), "|" | "&&" | ";" | "&"));
    commands.filter_map(arguments).collect()
}

/// Returns `None` for a pattern.
fn arguments(command: &[String]) -> Option<Vec<String>> {
    let is_before = |word: &&String| *word == "$" || word.contains('=');
    let mut rest = &command[command.iter().take_while(is_before).count()..];
    if rest.first().is_some_and(|word| word == "kubectl") {
        let inner = rest.iter().position(|word| word == "--")?;
        rest = &rest[inner + 1..];
    }
    let end = rest.iter().position(|word| word.contains('>') || word == "<").unwrap_or(rest.len());
    let called = CALLS.iter().find_map(|call| {
        let call: Vec<_> = call.split(' ').collect();
        let (head, tail) = rest[..end].split_at_checked(call.len())?;
        (head == call).then_some(tail)
    })?;
    let is_pattern = rest.iter().any(|word| word.starts_with('<') || word.contains('…') || word == "...");
    (!called.is_empty() && !is_pattern).then(|| called.to_vec())
}

/// Drops a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (';', None) => words.extend(word.take().into_iter().chain([";".to_owned()])),
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let below = ["docs", "examples", "deploy"].into_iter().flat_map(|folder| files(&root.join(folder)));
    let beside = entries(root).filter(|path| path.is_file());
    beside.chain(below).filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a folder that can be read").path())
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_test_named_in_documents_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = ["src", "crates", "tests"]
        .iter()
        .flat_map(|folder| files(&root.join(folder)))
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| read(&path))
        .collect();
    let mut named = 0;
    let decisions = files(&root.join("docs/decisions"));
    let others = ["ARCHITECTURE.md", "docs/explanation/threat-model.md", "docs/operations/hardening.md"]
        .map(|name| root.join(name));
    for document in others.into_iter().chain(decisions) {
        let text = read(&document);
        let words = text.split('`').skip(1).step_by(2);
        // Settings and metrics have fewer words, or their prefix.
        let tests = words.filter(|word| {
            let is_name =
                word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            is_name && word.matches('_').count() > 3 && !word.starts_with("justcall_bridge_")
        });
        for test in tests {
            named += 1;
            assert!(sources.contains(&format!("fn {test}(")), "{}: {test}", document.display());
        }
    }
    assert!(named > 30, "{named}");
}

#[test]
fn every_native_library_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = read(&root.join("Cargo.lock"));
    let packages = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let native: Vec<_> =
        packages.filter(|name| name.ends_with("-sys") || ["ring", "aws-lc-rs"].contains(name)).collect();
    // System bindings without code of their own, and the fuzzer.
    const BINDINGS: [&str; 7] = [
        "core-foundation-sys",
        "jni-sys",
        "js-sys",
        "linux-raw-sys",
        "security-framework-sys",
        "web-sys",
        "windows-sys",
    ];
    let text = read(&root.join("docs/explanation/threat-model.md"));
    for (package, library) in [
        ("rdkafka-sys", "librdkafka"),
        ("openssl-sys", "OpenSSL"),
        ("libsqlite3-sys", "SQLite"),
        ("libz-sys", "zlib"),
        ("zstd-sys", "zstd"),
        ("ring", "ring"),
    ] {
        assert!(native.contains(&package) && text.contains(library), "{package}");
    }
    let named =
        ["rdkafka-sys", "openssl-sys", "libsqlite3-sys", "libz-sys", "zstd-sys", "ring", "libfuzzer-sys"];
    for package in native {
        assert!(
            BINDINGS.contains(&package) || named.contains(&package),
            "docs/explanation/threat-model.md does not name {package}"
        );
    }
}
