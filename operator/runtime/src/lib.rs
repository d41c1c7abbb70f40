//! The process: command line, telemetry, the ports it listens on, and the wiring of everything else.

mod action_cache;
mod admin;
pub mod args;
mod download;
mod server;
mod telemetry;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

use args::{Cli, Command};
use lateen_actions::compile::compile_component;

/// How long the end of the process waits for threads that block: those that compile, whose child ends with them.
const BLOCKED_TIMEOUT: Duration = Duration::from_secs(1);

/// Parses the command line and does what it says.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Server(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.context("cannot start the async runtime")?;
            let served = runtime.block_on(server::serve(*args));
            runtime.shutdown_timeout(BLOCKED_TIMEOUT);
            served.map(|()| ExitCode::SUCCESS)
        }
        Command::CompileComponent { limits } => Ok(compile_component(limits)),
        Command::Crds => {
            let yaml = lateen_api::crds_yaml();
            std::io::stdout().write_all(yaml.as_bytes()).context("cannot write to standard output")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Actions(args) => Ok(lateen_kit::run(args)),
        Command::Restore(args) => Ok(lateen_preview::run(args)),
    }
}
