//! What is carried is whole, and is what it says.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;
use sha2::{Digest, Sha256};
use wit_component::DecodedWasm;
use wit_parser::WorldKey;

use super::*;

/// What a component imports and exports, without the version, which is the same everywhere.
fn interfaces(bytes: &[u8]) -> (BTreeSet<String>, BTreeSet<String>) {
    let decoded = wit_component::decode(bytes).unwrap();
    let DecodedWasm::Component(resolve, world) = decoded else { panic!("not a component") };
    let names = |keys: Vec<&WorldKey>| {
        keys.into_iter()
            .map(|key| {
                let name = resolve.name_world_key(key);
                let inner =
                    name.strip_prefix("lateen:item-action/").and_then(|name| name.strip_suffix("@0.2.0"));
                inner.unwrap_or_else(|| panic!("{name} is not of the contract")).to_owned()
            })
            .collect()
    };
    let world = &resolve.worlds[world];
    (names(world.imports.keys().collect()), names(world.exports.keys().collect()))
}

#[test]
fn every_component_unpacks_to_what_was_built() {
    assert!(components().is_sorted_by_key(|component| component.name));
    for embedded in components() {
        let bytes = embedded.unpack();
        assert_eq!(bytes.len(), embedded.size, "{}", embedded.name);
        assert_eq!(embedded.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)), "{}", embedded.name);
        assert!(embedded.packed_size() < embedded.size, "{}", embedded.name);
        assert_eq!(component(embedded.name).map(|found| found.sha256), Some(embedded.sha256));
        let (_, exports) = interfaces(&bytes);
        assert!(exports.contains("action"), "{}", embedded.name);
    }
    assert!(component("cobol").is_none());
}

#[test]
fn the_built_in_actions_offer_the_roles_of_their_manifests_and_no_other() {
    let bytes = component("builtin").expect("the built-in actions are embedded").unpack();
    let (imports, exports) = interfaces(&bytes);
    // No way to write, and neither the time nor chance.
    assert_eq!(
        imports.iter().map(String::as_str).collect::<Vec<_>>(),
        ["cluster", "cluster-types", "context", "journal", "types"]
    );

    let mut roles = BTreeSet::from(["action".to_owned()]);
    let mut names = Vec::new();
    for text in manifests() {
        let manifest: Value = serde_yaml_ng::from_str(text).unwrap();
        assert_eq!(manifest["component"], "builtin", "{text}");
        for role in manifest["on"].as_sequence().unwrap() {
            roles.insert(match role.as_str().unwrap() {
                "backup" => "backup-item".to_owned(),
                "restore" => "restore-item".to_owned(),
                other => other.to_owned(),
            });
        }
        names.push(manifest["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(exports, roles);
    // Velero's names, in the order in which they are called.
    assert_eq!(
        names,
        [
            "add-pvc-from-pod",
            "admission-webhook-configuration",
            "apiservice",
            "change-image-name",
            "change-storage-class",
            "cluster-role-bindings",
            "crd-preserve-fields",
            "crd-remap-version",
            "dataupload",
            "init-restore-hook",
            "job",
            "pod",
            "pv",
            "pvc",
            "role-bindings",
            "secret",
            "service-account",
            "service",
        ]
        .map(|name| format!("velero.io/{name}"))
    );
}

#[test]
fn engines_serve_every_role() {
    for name in ["cel", "javascript", "jq", "resource-modifiers"] {
        let (_, exports) = interfaces(&component(name).expect(name).unpack());
        for role in ["backup-item", "restore-item", "delete-item", "related-items"] {
            assert!(exports.contains(role), "{name} lacks {role}");
        }
    }
}
