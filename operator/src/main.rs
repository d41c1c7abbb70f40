//! The `lateen` binary: parse and run.

use std::process::ExitCode;

fn main() -> ExitCode {
    match lateen_runtime::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lateen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
