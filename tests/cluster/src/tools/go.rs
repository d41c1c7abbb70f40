//! The Go toolchain of this machine, and what makes one build differ from another.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Module;

/// What `go env` says that a built program depends on.
const SETTINGS: [&str; 4] = ["GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED"];

/// How much of a digest names a folder: 16 hex digits are 64 bits, for a handful of folders.
const KEY_DIGITS: usize = 16;

/// A toolchain that can build our modules.
pub(super) struct Go {
    settings: String,
}

impl Go {
    /// Asks the `go` on `PATH` what it is. A newer toolchain that a module asks for is fetched by `go` itself, unless
    /// the machine forbids it; then this fails.
    pub(super) fn find() -> Result<Self> {
        let output = Command::new("go")
            .arg("env")
            .arg("-json")
            .args(SETTINGS)
            .current_dir(Module::Kubernetes.source())
            .output()
            .context("run `go`; the cluster's programs are built from source, so Go must be installed (https://go.dev/dl) and on PATH")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`go env` failed ({}): {}", output.status, said.trim());
        }
        let settings: Value = serde_json::from_slice(&output.stdout).context("read what `go env` says")?;
        let version = settings["GOVERSION"].as_str().unwrap_or_default();
        for module in Module::ALL {
            let path = module.source().join("go.mod");
            let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            check_version(version, &text)?;
        }
        Ok(Self { settings: settings.to_string() })
    }

    /// Names the state of a module's sources, flags and toolchain.
    pub(super) fn cache_key(&self, module: Module) -> Result<String> {
        let read = |name: &str| {
            let path = module.source().join(name);
            fs::read(&path).with_context(|| format!("read {}", path.display()))
        };
        Ok(key([
            self.settings.as_bytes(),
            module.build_flags().join("\0").as_bytes(),
            &read("go.mod")?,
            &read("go.sum")?,
        ]))
    }
}

/// A digest of all parts in which no two lists of parts look alike: each is preceded by its length.
fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut key = hex::encode(digest.finalize());
    key.truncate(KEY_DIGITS);
    key
}

/// Whether a toolchain (`go1.26.8`) is new enough for the `go` line of a go.mod.
fn check_version(have: &str, go_mod: &str) -> Result<()> {
    let need = go_mod
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .context("find the Go version in a go.mod")?
        .trim();
    let number = |text: &str| -> Option<(u32, u32)> {
        let mut numbers = text.split('.');
        let minor: String = numbers.clone().nth(1)?.chars().take_while(char::is_ascii_digit).collect();
        Some((numbers.next()?.parse().ok()?, minor.parse().ok()?))
    };
    // A toolchain built from source ("devel go1.27-...") says a version too; one that says none is left to `go build` to judge.
    let Some(have_number) = have.split_once("go").and_then(|(_, version)| number(version)) else {
        return Ok(());
    };
    if number(need).is_some_and(|need| have_number < need) {
        bail!("Go {need} is needed and `go` is {have}; install a newer one (https://go.dev/dl)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_toolchain_is_refused() {
        let go_mod = "module x\n\ngo 1.26.0\n";
        for good in
            ["go1.26.8", "go1.26", "go1.30.0", "go2.0", "devel go1.27-abcdef Mon", "strange", "go1.26rc1"]
        {
            check_version(good, go_mod).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for old in ["go1.25.9", "go1.9", "go1.25rc2"] {
            let error = check_version(old, go_mod).unwrap_err().to_string();
            assert!(error.contains("1.26.0 is needed") && error.contains(old), "{error}");
        }
    }

    #[test]
    fn a_key_depends_on_every_part_and_on_where_it_ends() {
        let key = |parts: [&str; 2]| super::key(parts.map(str::as_bytes));
        assert_eq!(key(["a", "b"]), key(["a", "b"]));
        assert_ne!(key(["a", "b"]), key(["ab", ""]));
        assert_ne!(key(["a", "b"]), key(["a", "c"]));
        assert_eq!(key(["a", "b"]).len(), KEY_DIGITS);
    }
}
