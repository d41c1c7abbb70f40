//! From a guest's source to a component: the one way in which the server's build, tests, the demo and authors build what lives in `actions-wasm`.
//!
//! Two steps. Cargo compiles the package for `wasm32-unknown-unknown`, a target without an operating system, so that nothing but the imports of
//! the contract can get in. wit-component then wraps the core module into a component, by the description that wit-bindgen left in it.
//!
//! Guests have a workspace and a target directory of their own (`actions-wasm/target`): their profile is for size, and a lock held by the outer
//! `cargo test` must not wait for itself. What Cargo finds up to date costs a fraction of a second.
//!
//! It never runs a component and never touches the network beyond what `cargo build` does.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};
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

/// The packages with C code in them.
const WRITTEN_IN_C: [&str; 1] = ["engine-javascript"];

/// The variables that name another C compiler and archiver for guests than `clang` and `llvm-ar`.
pub const TOOLCHAIN_VARIABLES: [&str; 2] = ["CC_wasm32_unknown_unknown", "AR_wasm32_unknown_unknown"];

/// What stands in for them, in the same order.
const TOOLCHAIN_DEFAULTS: [&str; 2] = ["clang", "llvm-ar"];

/// Builds a package of `actions-wasm` (`"stamp"`) and returns where its component lies.
///
/// Fails with Cargo's own output when the package does not compile, and with wit-component's chain of causes when the module is no component.
/// Safe to call from several processes at once: Cargo's lock orders the builds, and the component is put in place by a rename.
pub fn build(package: &str) -> Result<PathBuf> {
    let core = compile(package)?;
    let folder = target_dir().join("components");
    let path = folder.join(format!("{package}.wasm"));
    if is_newer(&path, &core) {
        return Ok(path);
    }
    let component = encode(&fs::read(&core).with_context(|| format!("read {}", core.display()))?)
        .with_context(|| format!("make a component of {}", core.display()))?;
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
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

/// Wraps a core module that wit-bindgen has described into a component. The names of functions stay behind: they are a seventh of it, and the host
/// shows nobody a backtrace.
pub fn encode(core: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(&without_names(core)?)?.encode()
}

/// The module without its name section. All else stays, above all the sections that describe it to wit-component.
fn without_names(core: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload.context("read the core module")?;
        if let Payload::CustomSection(section) = &payload
            && section.name() == "name"
        {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &core[range] });
        }
    }
    Ok(module.finish())
}

/// The folder of the guest workspace.
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate lies two levels below the root").join("actions-wasm")
}

/// Whether the component was made after its core module; not so when one of them is missing.
fn is_newer(component: &Path, core: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((modified(component), modified(core)), (Ok(component), Ok(core)) if component > core)
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
    if WRITTEN_IN_C.contains(&package) {
        for (name, tool) in c_toolchain(package)? {
            command.env(name, tool);
        }
    }
    let output = command.output().context("start cargo")?;
    if !output.status.success() {
        bail!("cargo build of the guest {package} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let module = format!("{}.wasm", package.replace('-', "_"));
    Ok(target_dir().join("wasm32-unknown-unknown/release").join(module))
}

/// The C compiler and the archiver, both of which have to be there.
fn c_toolchain(package: &str) -> Result<Vec<(&'static str, OsString)>> {
    let mut tools = Vec::new();
    for (name, default) in TOOLCHAIN_VARIABLES.into_iter().zip(TOOLCHAIN_DEFAULTS) {
        let tool = env::var_os(name).unwrap_or_else(|| default.into());
        let answer =
            Command::new(&tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !answer.is_ok_and(|status| status.success()) {
            bail!(
                "{package} has C code and needs {} to build: install clang and llvm (`make toolchain` does it with apt-get), or set {name}",
                tool.display()
            );
        }
        tools.push((name, tool));
    }
    Ok(tools)
}
