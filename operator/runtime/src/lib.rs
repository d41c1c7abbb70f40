//! The process: command line, telemetry, the ports it listens on, and the wiring of everything else.

mod admin;
pub mod args;
mod download;
mod server;
mod telemetry;

use std::io::Write;

use anyhow::Context as _;
use clap::Parser;

use args::{Cli, Command};

/// Parses the command line and does what it says.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Server(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.context("cannot start the async runtime")?.block_on(server::serve(*args))
        }
        Command::Crds => {
            let yaml = lateen_api::crds_yaml();
            std::io::stdout().write_all(yaml.as_bytes()).context("cannot write to standard output")
        }
    }
}
