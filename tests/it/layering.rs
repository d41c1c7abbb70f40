//! Imports run one way. The table is the architecture; this test holds it against what cargo knows.

use std::collections::{BTreeMap, BTreeSet};

/// Each crate and what it may import of ours. Dev-dependencies are free: tests may look at everything.
const MAY_IMPORT: [(&str, &[&str]); 13] = [
    ("lateen-api", &[]),
    ("lateen-core", &["lateen-api"]),
    ("lateen-store", &["lateen-api", "lateen-core"]),
    ("lateen-actions", &["lateen-api", "lateen-core"]),
    ("lateen-cluster", &["lateen-api", "lateen-core"]),
    ("lateen-embedded", &["lateen-actions"]),
    ("lateen-guests", &[]),
    ("lateen-schedules", &[]),
    ("lateen-kit", &["lateen-actions", "lateen-api", "lateen-cluster", "lateen-core", "lateen-embedded"]),
    (
        "lateen-controllers",
        &[
            "lateen-actions",
            "lateen-api",
            "lateen-cluster",
            "lateen-core",
            "lateen-schedules",
            "lateen-store",
        ],
    ),
    (
        "lateen-preview",
        &[
            "lateen-actions",
            "lateen-api",
            "lateen-cluster",
            "lateen-controllers",
            "lateen-core",
            "lateen-embedded",
            "lateen-kit",
            "lateen-store",
        ],
    ),
    (
        "lateen-runtime",
        &[
            "lateen-actions",
            "lateen-api",
            "lateen-cluster",
            "lateen-controllers",
            "lateen-core",
            "lateen-embedded",
            "lateen-kit",
            "lateen-preview",
            "lateen-schedules",
            "lateen-store",
        ],
    ),
    ("lateen", &["lateen-runtime"]),
];

/// What the pure crates must not even be able to do: wait, talk, or look at a clock of their own.
const NOT_PURE: [&str; 6] = ["tokio", "kube-client", "object_store", "wasmtime", "hyper", "reqwest"];

fn metadata() -> cargo_metadata::Metadata {
    cargo_metadata::MetadataCommand::new().exec().expect("cargo metadata runs in the workspace")
}

#[test]
fn imports_run_one_way() {
    let metadata = metadata();
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let mut faults = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = table.get(package.name.as_str()) else {
            if !package.manifest_path.to_string().contains("/tests/") {
                faults.push(format!("{} is not in the table", package.name));
            }
            continue;
        };
        let normal = package.dependencies.iter().filter(|d| d.kind == cargo_metadata::DependencyKind::Normal);
        for dependency in normal.filter(|d| d.path.is_some()) {
            if !allowed.contains(&dependency.name.as_str()) {
                faults.push(format!("{} must not import {}", package.name, dependency.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_pure_crates_cannot_do_io() {
    let metadata = metadata();
    for pure in ["lateen-core", "lateen-schedules"] {
        let package = metadata
            .workspace_packages()
            .into_iter()
            .find(|p| p.name.as_str() == pure)
            .expect("it is a member");
        let direct: BTreeSet<&str> = package
            .dependencies
            .iter()
            .filter(|d| d.kind == cargo_metadata::DependencyKind::Normal)
            .map(|d| d.name.as_str())
            .collect();
        let found: Vec<_> = NOT_PURE.iter().filter(|name| direct.contains(**name)).collect();
        assert!(found.is_empty(), "{pure} depends on {found:?}");
    }
}
