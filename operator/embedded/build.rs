//! Compiles the guests that the server carries, packs them, and writes the table that `src/lib.rs` includes.
//!
//! What Cargo finds up to date is not compiled again, and what has not changed is not packed again: a run with nothing to do takes a second.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// What is embedded: the name for manifests, and the package in `actions-wasm`. Sorted by name.
const COMPONENTS: [(&str, &str); 5] = [
    ("builtin", "builtin"),
    ("cel", "engine-cel"),
    ("javascript", "engine-javascript"),
    ("jq", "engine-jq"),
    ("resource-modifiers", "resource-modifiers"),
];

/// Below `actions-wasm`: all that goes into them. The contract lies beside it.
const SOURCES: [&str; 7] = ["Cargo.toml", "Cargo.lock", "sdk", "builtin", "engines", "modifiers", "../wit"];

/// zstd's best without its extra-large windows: packed once, and unpacked with 8 MiB of memory.
const LEVEL: i32 = 19;

fn main() -> Result<()> {
    let guests = lateen_guests::workspace();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", guests.join(source).display());
    }
    for variable in lateen_guests::TOOLCHAIN_VARIABLES {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);

    let mut table = String::from(
        "#[allow(clippy::unreadable_literal, reason = \"generated\")]\nstatic COMPONENTS: &[EmbeddedComponent] = &[\n",
    );
    for (name, package) in COMPONENTS {
        let bytes = lateen_guests::build_bytes(package)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let packed = pack(&out, name, &bytes, &digest)?;
        writeln!(
            table,
            "EmbeddedComponent {{ name: {name:?}, sha256: {digest:?}, size: {}, packed: include_bytes!({:?}) }},",
            bytes.len(),
            text(&packed)?
        )?;
    }
    table.push_str("];\nstatic MANIFESTS: &[&str] = &[\n");
    for path in manifests(&guests.join("builtin/manifests"))? {
        writeln!(table, "include_str!({:?}),", text(&path)?)?;
    }
    table.push_str("];\n");
    fs::write(out.join("embedded.rs"), table).context("write the table")
}

/// A path for a literal.
fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Packs a component into a file whose name has its digest, unless that file is there.
fn pack(out: &Path, name: &str, bytes: &[u8], digest: &[u8]) -> Result<PathBuf> {
    let path = out.join(format!("{name}-{}.zst", hex::encode(digest)));
    if !path.exists() {
        remove_packed(out, name)?;
        let packed = zstd::bulk::compress(bytes, LEVEL).with_context(|| format!("pack {name}"))?;
        // In place by a rename: half a file must not be taken for a whole one.
        let half = out.join(format!("{name}.half"));
        fs::write(&half, packed).with_context(|| format!("write {}", half.display()))?;
        fs::rename(&half, &path).with_context(|| format!("put {name} in place"))?;
    }
    Ok(path)
}

/// Removes what an earlier run packed under this name.
fn remove_packed(out: &Path, name: &str) -> Result<()> {
    for entry in fs::read_dir(out).with_context(|| format!("list {}", out.display()))? {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_string_lossy();
        if file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')) {
            fs::remove_file(entry.path()).with_context(|| format!("remove {file}"))?;
        }
    }
    Ok(())
}

/// The YAML files of a folder, by name.
fn manifests(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    Ok(paths)
}
