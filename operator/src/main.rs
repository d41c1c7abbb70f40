//! The `lateen` binary: parse and run.

use std::process::ExitCode;

fn main() -> ExitCode {
    match lateen_runtime::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lateen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
