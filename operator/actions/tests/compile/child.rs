//! A program that does nothing but be the compiler's child. The server is one too, under the same subcommand.

use std::{env, process::ExitCode};

use lateen_actions::compile::{COMPILE_COMMAND, compile_component};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [command, limits] if command == COMPILE_COMMAND => match limits.parse() {
            Ok(limits) => compile_component(limits),
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        _ => ExitCode::FAILURE,
    }
}
