//! The `justcall-bridge` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    justcall_kafka_bridge::run(std::env::args_os())
}
