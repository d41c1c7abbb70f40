//! One run of `go build`.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use uuid::Uuid;

use super::{Module, Tool};
use crate::supervisor::Supervisor;

/// How often a build says that it is still at it.
const REPORT_EVERY: Duration = Duration::from_secs(15);

/// Makes sure that all of `wanted`, tools of `module`, are in `folder`.
pub(super) fn ensure(folder: &Path, module: Module, wanted: &[Tool]) -> Result<()> {
    if missing(folder, wanted).is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let _lock = lock(folder, module)?;
    // Somebody else may have built them while we waited.
    let missing = missing(folder, wanted);
    if missing.is_empty() { Ok(()) } else { build(folder, module, &missing) }
}

fn missing(folder: &Path, wanted: &[Tool]) -> Vec<Tool> {
    wanted.iter().copied().filter(|tool| !folder.join(tool.name()).exists()).collect()
}

/// Held until dropped; the kernel lets go of it when we die.
fn lock(folder: &Path, module: Module) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            eprintln!("tools: somebody else is building {} right now, waiting for them", module.name());
        }
        Err(TryLockError::Error(error)) => return Err(error).context(format!("lock {}", path.display())),
    }
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

fn build(folder: &Path, module: Module, tools: &[Tool]) -> Result<()> {
    let names: Vec<_> = tools.iter().map(|tool| tool.name()).collect();
    let names = names.join(", ");
    eprintln!(
        "tools: building {names} from source with Go, once: up to {} min if nothing of it was ever built or downloaded here",
        module.expected_minutes()
    );
    // Next to where the programs go, so that they can be renamed there; and removed with all that the compiler left in it.
    let supervisor = Supervisor::start(folder.join(format!(".build-{}", Uuid::new_v4().simple())))?;
    let stage = supervisor.directory().to_path_buf();
    let temporary = stage.join("tmp");
    fs::create_dir(&temporary).context("make the compiler's temporary directory")?;

    let mut command = Command::new("go");
    command.arg("build").args(module.build_flags()).arg("-o").arg(stage.join("bin/"));
    command.args(tools.iter().map(|tool| tool.package()));
    command.current_dir(module.source()).env("GOTMPDIR", &temporary);
    supervisor.spawn("go", &mut command)?;
    let mut reported = Duration::ZERO;
    let mut taken = Duration::ZERO;
    let status = supervisor.wait_for_exit("go", |elapsed| {
        taken = elapsed;
        if elapsed >= reported + REPORT_EVERY {
            reported = elapsed;
            eprintln!("tools: still building {names}: {}", minutes(elapsed));
        }
    })?;
    if !status.success() {
        let tail = supervisor.tail("go");
        bail!(
            "building {names} failed: `go build` in {} ended ({status}); its last words:\n{tail}",
            module.source().display()
        );
    }
    for tool in tools {
        let built = stage.join("bin").join(tool.built_name());
        fs::rename(&built, folder.join(tool.name()))
            .with_context(|| format!("move {} into the cache", built.display()))?;
    }
    eprintln!("tools: built {names} in {}", minutes(taken));
    Ok(())
}

fn minutes(duration: Duration) -> String {
    format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
}
