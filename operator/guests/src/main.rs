//! `cargo run -p lateen-guests -- <package>...`: builds guests and prints where their components lie.
//!
//! A path that ends in `.wasm` is taken for a core module built elsewhere, and its component is written beside it as `<name>.component.wasm`.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let names: Vec<String> = env::args().skip(1).collect();
    if names.is_empty() {
        bail!("which guest? give the name of a package in actions-wasm, or the path of a core module");
    }
    for name in names {
        let component = if Path::new(&name).extension().is_some_and(|extension| extension == "wasm") {
            let core = fs::read(&name).with_context(|| format!("read {name}"))?;
            let path = Path::new(&name).with_extension("component.wasm");
            let bytes =
                lateen_guests::encode(&core).with_context(|| format!("make a component of {name}"))?;
            fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
            path
        } else {
            lateen_guests::build(&name)?
        };
        println!("{}", component.display());
    }
    Ok(())
}
