//! Tests of the crate through its public door: tables of expressions, random ones against a scan, decisions, samples.

#![expect(clippy::unwrap_used, reason = "a test's way to fail, also in the functions beside the tests")]

mod decisions;
mod expressions;
mod samples;
mod scan;

use std::path::{Path, PathBuf};

/// The project's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Runs a closure with snapshots where all of the project's are.
fn with_snapshots(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/schedules"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(check);
}
