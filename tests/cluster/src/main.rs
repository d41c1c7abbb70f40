//! The command line: a cluster to play with, and the programs it is made of.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use lateen_test_cluster::{Cluster, Part, Tool, tools};
use tokio::signal::unix::{SignalKind, signal};

/// How often a cluster that somebody plays with is looked after.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// A throwaway Kubernetes control plane on 127.0.0.1, of real parts
#[derive(Parser)]
#[command(name = "lateen-test-cluster")]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Start a cluster, print how to use it, and keep it until Ctrl-C
    Up {
        /// Parts to leave out
        #[arg(long, value_delimiter = ',')]
        without: Vec<Part>,
    },
    /// Build tools and nothing else
    Tools {
        /// Which ones [default: those that all tests need together]
        names: Vec<Tool>,
    },
    /// Print where a tool is; it is built if need be
    Bin {
        /// Which one
        name: Tool,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        What::Up { without } => up(&without),
        What::Tools { names } => {
            let names = if names.is_empty() { Tool::OF_TESTS.to_vec() } else { names };
            let found = tools::ensure(&names)?;
            for tool in names {
                println!("{}", found.path(tool).display());
            }
            Ok(())
        }
        What::Bin { name } => {
            println!("{}", tools::ensure(&[name])?.path(name).display());
            Ok(())
        }
    }
}

/// Runs a cluster until a signal comes or a part of it ends.
fn up(without: &[Part]) -> Result<()> {
    // Until it is up, a signal ends this process at once, as signals do; what was started so far ends with it.
    let cluster = without.iter().fold(Cluster::builder(), |builder, part| builder.without(*part)).start()?;
    print_usage(&cluster)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start a runtime")?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("listen for a signal to end")?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = tokio::time::sleep(CHECK_EVERY) => cluster.check()?,
            }
        }
    })
}

/// Says where everything is, as lines for a shell.
fn print_usage(cluster: &Cluster) -> Result<()> {
    let tools = tools::ensure(&[])?;
    println!("# Ready after {:.1} s. For another shell:", cluster.ready_after().as_secs_f64());
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("export PATH={}:$PATH", tools.search_path()?.display());
    if let Some(s3) = cluster.s3() {
        println!("export AWS_ENDPOINT_URL={} AWS_REGION={}", s3.endpoint, s3.region);
        println!("export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}", s3.access_key, s3.secret_key);
        println!("# S3 bucket: {}", s3.bucket);
    }
    println!("# Logs: {}", cluster.logs().display());
    for tool in [Tool::Velero, Tool::Helm].into_iter().filter(|tool| !tools.path(*tool).exists()) {
        println!("# To have {0} there too: cargo run -p lateen-test-cluster -- tools {0}", tool.name());
    }
    println!("# Ctrl-C ends and removes all of it.");
    Ok(())
}
