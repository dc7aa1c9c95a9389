//! The `sockscope` program: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(sockscope::cli::run(std::env::args_os()) as u8)
}
