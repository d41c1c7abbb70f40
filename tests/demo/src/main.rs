//! The demo: an application is backed up, lost and restored under another name, on a control plane of real parts.
//!
//! It says what it does and what came of it, step by step, and ends with an error as soon as something is not as it should be.
//! `STORE=s3` keeps the backups in an S3 server instead of a directory; `KEEP=1` leaves everything running until Ctrl-C. Either way
//! nothing is left behind.

mod narrator;
mod story;

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use lateen_test_cluster::{Cluster, Part, Tool, tools};
use lateen_test_harness::Store;

use narrator::Narrator;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo ended early: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let store = match env::var("STORE").unwrap_or_default().as_str() {
        "" | "file" => Store::File,
        "s3" => Store::S3,
        other => bail!("STORE is {other:?}, and only file and s3 are known"),
    };
    let keep = env::var("KEEP").is_ok_and(|value| !matches!(value.as_str(), "" | "0"));
    // Cargo puts both programs into the same folder.
    let binary = env::current_exe().context("find this program")?.with_file_name("lateen");

    let mut builder = Cluster::builder();
    if store == Store::File {
        builder = builder.without(Part::S3);
    }
    let mut wanted = builder.tools();
    wanted.push(Tool::Velero);
    // What has to be built is built, and told, before the clock of the story starts.
    tools::ensure(&wanted).context("build the programs of the demo")?;
    let component = lateen_guests::build_bytes("stamp").context("build the example of an item action")?;

    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    runtime.block_on(async {
        let mut narrator = Narrator::new();
        narrator.title("Lateen: back up an application, lose it, restore it under another name");
        narrator.step("A control plane of real parts");
        let cluster = builder.start()?;
        let parts: Vec<_> = builder.tools().into_iter().map(Tool::name).collect();
        narrator.say(&format!("{} at {}", parts.join(", "), cluster.server()));
        let installation = story::tell(&mut narrator, &cluster, store, binary, &component).await?;
        story::where_next(&narrator, &cluster, &installation, keep).await
    })
}
