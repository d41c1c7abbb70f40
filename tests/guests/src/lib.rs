//! From a guest's source to a component: the one way in which tests, the demo and authors build what lives in `actions-wasm`.
//!
//! Two steps. Cargo compiles the package for `wasm32-unknown-unknown`, a target without an operating system, so that nothing but the imports of
//! the contract can get in. wit-component then wraps the core module into a component, by the description that wit-bindgen left in it.
//!
//! Guests have a workspace and a target directory of their own (`actions-wasm/target`): their profile is for size, and a lock held by the outer
//! `cargo test` must not wait for itself. What Cargo finds up to date costs a fraction of a second.
//!
//! It never runs a component and never touches the network beyond what `cargo build` does.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use wit_component::ComponentEncoder;

/// What the outer build says about flags and places; a guest is built the same whoever asks for it.
const OUTER_BUILD: [&str; 6] = [
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

/// Builds a package of `actions-wasm` (`"stamp"`) and returns where its component lies.
///
/// Fails with Cargo's own output when the package does not compile, and with wit-component's chain of causes when the module is no component.
/// Safe to call from several processes at once: Cargo's lock orders the builds, and the component is put in place by a rename.
pub fn build(package: &str) -> Result<PathBuf> {
    let core = compile(package)?;
    let component = encode(&fs::read(&core).with_context(|| format!("read {}", core.display()))?)
        .with_context(|| format!("make a component of {}", core.display()))?;
    let folder = target_dir().join("components");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let path = folder.join(format!("{package}.wasm"));
    let mut file = tempfile::NamedTempFile::new_in(&folder).context("create a file for the component")?;
    file.write_all(&component).context("write the component")?;
    file.persist(&path).with_context(|| format!("put the component at {}", path.display()))?;
    Ok(path)
}

/// Like [`build`], and reads the component.
pub fn build_bytes(package: &str) -> Result<Vec<u8>> {
    let path = build(package)?;
    fs::read(&path).with_context(|| format!("read {}", path.display()))
}

/// Wraps a core module that wit-bindgen has described into a component.
pub fn encode(core: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(core)?.encode()
}

/// The folder of the guest workspace.
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate lies two levels below the root").join("actions-wasm")
}

fn target_dir() -> PathBuf {
    workspace().join("target")
}

/// Compiles the package to a core module and returns its path.
fn compile(package: &str) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown", "--package", package])
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(workspace());
    for name in OUTER_BUILD {
        command.env_remove(name);
    }
    let output = command.output().context("start cargo")?;
    if !output.status.success() {
        bail!("cargo build of the guest {package} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let module = format!("{}.wasm", package.replace('-', "_"));
    Ok(target_dir().join("wasm32-unknown-unknown/release").join(module))
}
