//! Plans as snapshots: one fixture is an archive's paths, a cluster's kinds and a Restore's spec.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use lateen_api::GoDuration;
use lateen_api::v1::{BackupStorageLocation, Restore};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::archive::index::{EntryType, IndexBuilder, Verdict};
use crate::archive::limits::Limits;
use crate::catalog::tests::served;
use crate::restore::request::{Defaults, Observed, prepare};
use crate::selector::Selection;

#[derive(Deserialize)]
struct Fixture {
    /// What the case is about; stands above the plan.
    about: String,
    /// Path below `resources/` -> labels, `broken` for bytes that are no object.
    archive: BTreeMap<String, Content>,
    /// `deployments.apps v1 Deployment`, with `-` in front for cluster-scoped kinds.
    #[serde(default)]
    cluster: Vec<String>,
    /// Groups that could not be asked.
    #[serde(default)]
    unavailable: BTreeMap<String, String>,
    /// The Restore's spec.
    spec: serde_json::Value,
    /// `--restore-resource-priorities`.
    priorities: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Labels(BTreeMap<String, String>),
    Raw(String),
}

fn kinds(lines: &[String]) -> Vec<crate::kind::ServedKind> {
    let always = [
        "configmaps v1 ConfigMap",
        "pods v1 Pod",
        "secrets v1 Secret",
        "serviceaccounts v1 ServiceAccount",
        "services v1 Service",
        "deployments.apps v1 Deployment",
        "- namespaces v1 Namespace",
        "- nodes v1 Node",
        "- persistentvolumes v1 PersistentVolume",
        "- customresourcedefinitions.apiextensions.k8s.io v1 CustomResourceDefinition",
        "- clusterroles.rbac.authorization.k8s.io v1 ClusterRole",
    ];
    let lines = always.into_iter().chain(lines.iter().map(String::as_str));
    let parse = |line: &str| {
        let cluster_scoped = line.starts_with("- ");
        let words: Vec<&str> = line.trim_start_matches("- ").split(' ').collect();
        served(words[0], words[1], words[2], !cluster_scoped)
    };
    lines.map(parse).collect()
}

fn index(archive: &BTreeMap<String, Content>, selection: Selection) -> ArchiveIndex {
    let mut builder = IndexBuilder::new(selection, Limits::default());
    for (path, content) in archive {
        let name = path.rsplit('/').next().unwrap();
        let bytes = match content {
            Content::Labels(labels) => json!({"metadata": {"name": name, "labels": labels}}).to_string(),
            Content::Raw(text) => text.clone(),
        };
        let path = format!("resources/{path}.json");
        let verdict = builder.entry(path.as_bytes(), bytes.len() as u64, EntryType::File).unwrap();
        let Verdict::Keep(item) = verdict else { panic!("{path} is no item") };
        builder.keep(item, bytes.as_bytes()).unwrap();
    }
    builder.finish()
}

fn request(fixture: &Fixture) -> RestoreRequest {
    let backup = json!({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": "b"}, "spec": {"storageLocation": "l"}});
    let location: BackupStorageLocation = serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": "l"},
        "spec": {"provider": "aws", "objectStorage": {"bucket": "b"}}, "status": {"phase": "Available"}
    }))
    .unwrap();
    let observed =
        Observed { backups: vec![serde_json::from_value(backup).unwrap()], locations: vec![location] };
    let mut spec = fixture.spec.clone();
    spec["backupName"] = "b".into();
    let mut restore: Restore = serde_json::from_value(
        json!({"apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {"name": "r"}, "spec": spec}),
    )
    .unwrap();
    let priorities = fixture.priorities.as_ref().map(|text| text.parse().unwrap()).unwrap_or_default();
    let defaults = Defaults { item_operation_timeout: GoDuration::from_hours(4), priorities };
    let request = prepare(&mut restore, &observed, &defaults, "2026-05-21T10:00:00Z".parse().unwrap());
    request.unwrap_or_else(|| panic!("{:?}", restore.status))
}

#[test]
fn plans() {
    insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::glob!("../../../../../tests/fixtures/plans", "*.yaml", |path| {
            let fixture: Fixture = serde_yaml_ng::from_str(&read_to_string(path).unwrap()).unwrap();
            let request = request(&fixture);
            let index = index(&fixture.archive, request.selection.clone());
            let catalog = Catalog::new(kinds(&fixture.cluster), fixture.unavailable.clone());
            let plan = plan(&index, &catalog, &request).unwrap();

            let left_out: u64 = plan.left_out.iter().map(|left_out| left_out.items).sum();
            let own_namespaces = index.kinds().get(&GroupResource::parse("namespaces")).map_or(0, |places| places[&None].len() as u64);
            let namespaces_left_out: u64 = plan.left_out.iter().filter(|l| l.kind.is("namespaces")).map(|l| l.items).sum();
            assert_eq!(
                plan.len() as u64 + left_out + own_namespaces - namespaces_left_out,
                index.len(),
                "every item is planned or left out with a reason"
            );
            insta::assert_snapshot!("plan", format!("{}\n\n{}", fixture.about.trim(), plan.render()));
        });
    });
}

#[test]
fn what_another_object_needs_passes_selectors_but_not_filters() {
    let fixture: Fixture = serde_yaml_ng::from_str(
        "{about: '', spec: {includedNamespaces: [app], labelSelector: {matchLabels: {a: b}}, excludedResources: [secrets]}, \
         archive: {persistentvolumes/cluster/pv: {}, secrets/namespaces/app/s: {}, configmaps/namespaces/other/c: {}, configmaps/namespaces/app/x: broken}}",
    )
    .unwrap();
    let request = request(&fixture);
    let index = index(&fixture.archive, request.selection.clone());
    let plan = plan(&index, &Catalog::new(kinds(&[]), BTreeMap::new()), &request).unwrap();
    assert!(plan.is_empty());
    let related = |kind: &str, namespace: Option<&str>, name: &str| {
        plan.related(&index, &GroupResource::parse(kind), &ObjectName::new(namespace, name))
    };
    assert!(matches!(related("persistentvolumes", None, "pv"), Related::Item(_)));
    assert_eq!(related("persistentvolumes", None, "other"), Related::Missing);
    assert_eq!(related("secrets", Some("app"), "s"), Related::LeftOut(Reason::Kind));
    assert_eq!(related("configmaps", Some("other"), "c"), Related::LeftOut(Reason::Namespace));
    assert_eq!(related("configmaps", Some("app"), "x"), Related::LeftOut(Reason::Unreadable));
}
