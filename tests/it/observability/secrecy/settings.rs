use super::markers::marker;
use super::trace_level_logs::run;
use crate::kit::bridge::UNSIGNED;
use crate::kit::process::bridge_command;
use std::fs;

const BAD_SETTINGS: Option<i32> = Some(78);

fn start(flags: &[String], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let flags: Vec<_> = flags.iter().flat_map(|flag| ["--set", flag]).collect();
    run(&[&["check", "--json"], flags.as_slice()].concat(), env);
    let own = ["--set", "server.listen=127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"];
    run(&[&["serve"], own.as_slice(), flags.as_slice()].concat(), env)
}

#[test]
fn invalid_settings_are_reported_without_their_secrets() {
    let secret = marker("secret");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, contents).expect("a file");
        path.display().to_string()
    };
    let main = |rest: String| format!("sources.main.{rest}");
    let property = |rest: String| format!("kafka.properties.{rest}");
    let bad_token = file("token", format!("{secret} and more").as_bytes());
    let no_text = file("notext", &[secret.as_bytes(), b"\xff"].concat());
    let nine = (0..9).map(|_| marker("secret")).collect::<Vec<_>>().join("\n");
    let nine = file("nine", nine.as_bytes());
    let cases = [
        main(format!("token={secret}!")),
        main(format!("token=[\"{secret}\"]")),
        main(format!("token={{\"{secret}\": 1}}")),
        main(format!("tokn={secret}")),
        main(format!("token.value={secret}")),
        main(format!("token_file={bad_token}")),
        main(format!("token_file={secret}")),
        main(format!("signature={secret}")),
        main(format!("signature.secrets={secret},,{secret}")),
        main(format!("signature.secrets=[\"{secret}\", {{}}]")),
        main(format!("signature.secrets=[\"{secret}\"")),
        main(format!("signature.secrets=[{{\"a\": \"{secret}\"}}]")),
        main(format!("signature.secret={secret}")),
        main(format!("signature.secrets_file={no_text}")),
        main(format!("signature.secrets_file={nine}")),
        main(format!("signature.secrets_file={secret}")),
        main(format!("signature.urls=https:x/{secret}")),
        main(format!("signature.tolerance.x={secret}")),
        format!("sources.main={secret}"),
        format!("sources={secret}"),
        format!("kafka={secret}"),
        format!("kafka.properties={secret}"),
        format!("kafka.properties=[\"{secret}\"]"),
        format!("kafka.password={secret}"),
        property(format!("sasl.password=[\"{secret}\"")),
        property(format!("sasl.passwrod={secret}")),
        property(format!("sasl.pasword={secret}")),
        property(format!("ssl.key.pem={secret}")),
        property(format!("ssl.keystore.password={secret}")),
        format!("kafka.properties_files.sasl.password={secret}"),
        format!("kafka.properties_files.sasl.password={no_text}"),
        format!("kafka.propertys.sasl.password={secret}"),
        format!("sasl.password={secret}"),
        secret.clone(),
        format!("={secret}"),
        format!("server.tls={secret}"),
        format!("server.tls.key={secret}"),
    ];
    let mut passed = Vec::new();
    for case in cases {
        let (code, output) = start(std::slice::from_ref(&case), &[]);
        if code != BAD_SETTINGS {
            passed.push(format!("{code:?} {} {output}", case.replace(&secret, "…")));
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

#[test]
fn secrets_in_flags_are_refused_and_not_quoted() {
    let secret = marker("secret");
    for flag in [
        format!("sources.main.token={secret}"),
        format!("sources.main.signature.secrets=[\"{secret}\"]"),
        format!("sources={{\"main\": {{\"token\": \"{secret}\"}}}}"),
        format!("kafka.properties.sasl.password={secret}"),
        format!("kafka.properties={{\"ssl.key.pem\": \"{secret}\"}}"),
        format!("telemetry.otlp_headers.api-key={secret}"),
    ] {
        for command in ["check", "serve", "dev", "route"] {
            let shown = flag.replace(&*secret, "…");
            let ran = bridge_command().args([command, "--set", &flag]).output().expect("a run");
            let output = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
            assert_eq!(ran.status.code(), BAD_SETTINGS, "{command} {shown}");
            assert!(
                output.contains("is a secret") && output.contains("_file"),
                "{command} {shown}: {output}"
            );
            assert!(!output.contains(&*secret), "{command} {shown}");
        }
    }
}

#[test]
fn invalid_variables_and_files_are_not_quoted() {
    let secret = marker("secret");
    for name in [
        "JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN",
        "JUSTCALL_BRIDGE__SOURCES__MAIN__TOKENS",
        "JUSTCALL_BRIDGE__SOURCES__MAIN__SIGNATURE",
        "JUSTCALL_BRIDGE__KAFKA__PROPERTIES__SASL_PASSWROD",
        "JUSTCALL_BRIDGE__SASL_PASSWORD",
        "JUSTCALL_BRIDGE____X",
    ] {
        let (code, output) = start(&[], &[(name, &format!("{secret} !"))]);
        assert_eq!(code, BAD_SETTINGS, "{name}: {output}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for text in [
        secret.to_string(),
        format!("[{secret}]"),
        format!("sources: {{main: {{token: {secret}"),
        format!("sources:\n  main:\n    token: \"{secret}\n"),
        format!("sources:\n  main:\n    token: *{secret}\n"),
        format!("sources:\n  main:\n\ttoken: {secret}\n"),
        format!("sources:\n  main:\n    token: {secret}\n    token: {secret}\n"),
        format!("kafka:\n  properties:\n    - {secret}\n"),
        format!("kafka:\n  properties:\n    sasl.password:\n      x: {secret}\n"),
    ] {
        let file = folder.path().join("bridge.yaml");
        fs::write(&file, &text).expect("a file");
        let file = file.to_str().expect("a path of text");
        for command in [&["check"][..], &["serve", "--print-config"], &["serve"]] {
            let (code, output) = run(&[command, &["--config", file]].concat(), &[]);
            assert_eq!(code, BAD_SETTINGS, "{output}\n{}", text.replace(&secret, "…"));
        }
    }
}

#[test]
fn error_of_client_creation_quotes_no_secret() {
    let secret = marker("secret");
    let start = |properties: &[String], expected: Option<i32>| {
        let own = ["server.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", UNSIGNED].map(str::to_owned);
        let flags: Vec<_> = own.iter().chain(properties).flat_map(|flag| ["--set", flag]).collect();
        let (code, output) = run(&[&["serve"], flags.as_slice()].concat(), &[]);
        assert_eq!(code, expected, "{output}");
        assert!(output.contains("kafka.properties") || output.contains("Kafka client"), "{output}");
    };
    let property = |rest: &str| format!("kafka.properties.{rest}");
    start(&[property(&format!("sasl.passwrod={secret}"))], BAD_SETTINGS);
    start(&[property(&format!("linger.ms={secret}"))], BAD_SETTINGS);
    let tls = property("security.protocol=ssl");
    start(&[tls.clone(), property(&format!("ssl.key.pem={secret}"))], BAD_SETTINGS);
    start(
        &[
            tls.clone(),
            property(&format!("ssl.keystore.password={secret}")),
            property("ssl.keystore.location=/none"),
        ],
        BAD_SETTINGS,
    );
}

#[test]
fn effective_settings_are_printed_without_secrets() {
    let token = marker("token");
    let set = [
        format!("sources.main.token={token}"),
        format!("sources.main.signature.secrets={},{}", marker("secret"), marker("secret")),
        format!("sources.main.signature.urls=https://x.example/webhooks/justcall/{token}"),
        "sources.other.path=/other".to_string(),
        format!("sources.other.token={token}"),
        format!("sources.other.signature.urls=https://x.example/behind/a/proxy/{token}"),
        format!("kafka.properties.sasl.password={}", marker("password")),
        format!("kafka.properties.ssl.key.pem={}", marker("pem")),
        format!("kafka.properties.ssl.key.password={}", marker("key")),
    ];
    let flags: Vec<_> = set.iter().flat_map(|flag| ["--set", flag]).collect();
    let env = [("JUSTCALL_BRIDGE__SOURCES__MAIN__SIGNATURE__SECRETS", marker("variable"))];
    let env = [(env[0].0, env[0].1.as_str())];
    let (code, output) = run(&[&["serve", "--print-config"], flags.as_slice()].concat(), &env);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("***"), "{output}");
    run(&[&["check"], flags.as_slice()].concat(), &env);
    let unusable = "kafka.properties.sasl.oauthbearer.client.secret";
    let (code, output) =
        run(&["serve", "--print-config", "--set", &format!("{unusable}={}", marker("client"))], &env);
    assert_eq!(code, BAD_SETTINGS, "{output}");
    assert!(output.contains(unusable), "{output}");
}
