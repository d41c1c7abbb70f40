//! How the contract may grow: the rules of `wit/README.md`, checked with the relation by which components are linked.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap like tests do")]

use std::{fs, path::Path};

use rstest::rstest;
use wit_component::semver_check;
use wit_parser::{PackageId, Resolve, UnresolvedPackageGroup};

const WORLDS: [&str; 9] = [
    "backup-action",
    "restore-action",
    "backup-restore-action",
    "delete-action",
    "related-action",
    "backup-operation",
    "restore-operation",
    "engine",
    "complete",
];

/// What was released goes on working: a component of the recorded text can be linked by a host of the present one.
#[test]
fn the_present_text_serves_components_of_the_recorded_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = 0;
    for entry in fs::read_dir(root.join("tests/fixtures/wit")).unwrap() {
        let line = entry.unwrap().file_name();
        let recorded = text(&root.join("tests/fixtures/wit").join(&line));
        let present = text(&root.join("wit").join(&line));
        for world in WORLDS {
            compatible(&recorded, &present, world)
                .unwrap_or_else(|error| panic!("{}, world {world}: {error:#}", line.display()));
        }
        folders += 1;
    }
    assert!(folders > 0);
}

#[rstest]
#[case::host_function("log: func(level: level, message: string);", "$0 flush: func();", true)]
#[case::host_interface("import journal;", "$0 import volumes;", true)]
#[case::record_field("subject {", "$0 /// x\n weight: u32,", false)]
#[case::enum_case("enum level {", "$0 /// x\n trace,", false)]
#[case::variant_case("variant change {", "$0 /// x\n drop,", false)]
#[case::parameter(
    "log: func(level: level, message: string)",
    "log: func(level: level, message: string, key: string)",
    false
)]
#[case::guest_function(
    "cancel: func(id: string) -> result<_, string>;",
    "$0 resume: func(id: string);",
    false
)]
fn growth(#[case] place: &str, #[case] becomes: &str, #[case] allowed: bool) {
    let old = present();
    assert!(old.contains(place), "{place}");
    let mut new = old.replacen(place, &becomes.replace("$0", place), 1);
    new.push_str("\ninterface volumes { size: func() -> u64; }\n");
    let result = compatible(&old, &new, "complete");
    assert_eq!(result.is_ok(), allowed, "{result:?}");
}

/// The text of the contract that is served.
pub(crate) fn present() -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/v0.2"))
}

/// All files of a folder as one.
fn text(folder: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let package = |text: &str| text.lines().find(|line| line.starts_with("package ")).unwrap().to_owned();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let header = package(&texts[0]);
    let bodies = texts.iter().map(|text| text.replacen(&package(text), "", 1));
    header + "\n" + &bodies.collect::<Vec<_>>().join("\n")
}

fn compatible(old: &str, new: &str, world: &str) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let mut add = |text: &str, version: &str| -> anyhow::Result<PackageId> {
        // Two versions of one package, which the relation itself does not look at.
        let text = text.replacen("@0.2.0;", &format!("@{version};"), 1);
        let group = UnresolvedPackageGroup::parse("contract.wit", &text)
            .map_err(|(_, error)| anyhow::anyhow!("{error}"))?;
        Ok(resolve.push_group(group)?)
    };
    let (old, new) = (add(old, "0.2.0")?, add(new, "0.2.1")?);
    let (old, new) = (resolve.select_world(&[old], Some(world))?, resolve.select_world(&[new], Some(world))?);
    semver_check(resolve, old, new)
}
