use super::java::java;
use std::io::Write;
use std::process::Stdio;

pub(crate) fn java_partitions(keys: &[&[u8]], partitions: i32) -> Vec<i32> {
    let mut command = java(&["-XX:TieredStopAtLevel=1"], "Murmur2");
    command.arg(partitions.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("java starts");
    let mut stdin = child.stdin.take().expect("piped above");
    for key in keys {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(stdin, "{hex}").expect("Murmur2 reads its keys");
    }
    drop(stdin);
    let output = child.wait_with_output().expect("Murmur2 ends");
    assert!(output.status.success(), "Murmur2 failed, see above");
    let lines = String::from_utf8(output.stdout).expect("digits");
    let chosen: Vec<i32> = lines.lines().map(|line| line.parse().expect("a partition")).collect();
    assert_eq!(chosen.len(), keys.len(), "one partition for each key");
    chosen
}
