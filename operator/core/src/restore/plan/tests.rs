//! Plans as snapshots: a case is a folder with a Restore's spec, an archive's paths, and what is special about the cluster.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::Path;

use lateen_api::GoDuration;
use lateen_api::v1::{BackupStorageLocation, Restore};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::archive::index::{EntryType, IndexBuilder, Verdict, Versions};
use crate::archive::limits::Limits;
use crate::catalog::tests::served;
use crate::kind::ServedKind;
use crate::restore::request::{Defaults, Observed, prepare};
use crate::restore::versions::UserPriorities;
use crate::selector::Selection;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    /// What the case is about; stands above the plan.
    about: String,
    /// The Restore's spec.
    spec: Value,
    /// `--restore-resource-priorities`.
    priorities: Option<String>,
    /// The server and the backup know several versions of a kind.
    #[serde(default)]
    all_versions: bool,
    /// The ConfigMap of that name.
    #[serde(default)]
    enableapigroupversions: String,
}

/// Path below `resources/` -> what is there.
type Archive = BTreeMap<String, Content>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Labels(BTreeMap<String, String>),
    Raw(String),
    Object(Value),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cluster {
    /// `deployments.apps v1 Deployment`, short names behind it, with `-` in front for cluster-scoped kinds. The first version of a kind is
    /// the preferred one.
    #[serde(default)]
    kinds: Vec<String>,
    /// Groups that could not be asked.
    #[serde(default)]
    unavailable: BTreeMap<String, String>,
}

const ALWAYS: [&str; 11] = [
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

impl Cluster {
    fn catalog(&self) -> Catalog {
        let kind = |line: &str| {
            let cluster_scoped = line.starts_with("- ");
            let words: Vec<&str> = line.trim_start_matches("- ").split(' ').collect();
            let short_names = words[3..].iter().map(|name| (*name).to_owned()).collect();
            ServedKind { short_names, ..served(words[0], words[1], words[2], !cluster_scoped) }
        };
        let lines = self.kinds.iter().map(String::as_str).chain(ALWAYS);
        let kinds: Vec<ServedKind> = lines.map(kind).collect();
        Catalog::new(kinds.clone(), self.unavailable.clone()).with_versions(kinds)
    }
}

fn index(archive: &Archive, selection: Selection, versions: Versions) -> ArchiveIndex {
    let mut builder = IndexBuilder::new(selection, Limits::default()).with_versions(versions);
    for (path, content) in archive {
        let name = path.rsplit('/').next().unwrap();
        let bytes = match content {
            Content::Labels(labels) => json!({"metadata": {"name": name, "labels": labels}}).to_string(),
            Content::Raw(text) => text.clone(),
            Content::Object(object) => {
                let mut whole = json!({"metadata": {"name": name}});
                json_patch::merge(&mut whole, object);
                whole.to_string()
            }
        };
        let path = format!("resources/{path}.json");
        let verdict = builder.entry(path.as_bytes(), bytes.len() as u64, EntryType::File).unwrap();
        if let Verdict::Keep(item) = verdict {
            builder.keep(item, bytes.as_bytes()).unwrap();
        }
    }
    let index = builder.finish();
    assert_eq!(index.besides().files, 0, "every path is one of an item");
    index
}

fn request(case: &Case) -> RestoreRequest {
    let backup = json!({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": "b"}, "spec": {"storageLocation": "l"}});
    let location: BackupStorageLocation = serde_json::from_value(json!({
        "apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": "l"},
        "spec": {"provider": "aws", "objectStorage": {"bucket": "b"}}, "status": {"phase": "Available"}
    }))
    .unwrap();
    let observed = Observed {
        backups: vec![serde_json::from_value(backup).unwrap()],
        locations: vec![location],
        ..Observed::default()
    };
    let mut spec = case.spec.clone();
    spec["backupName"] = "b".into();
    let mut restore: Restore = serde_json::from_value(
        json!({"apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {"name": "r"}, "spec": spec}),
    )
    .unwrap();
    let priorities = case.priorities.as_ref().map(|text| text.parse().unwrap()).unwrap_or_default();
    let defaults = Defaults { item_operation_timeout: GoDuration::from_hours(4), priorities };
    let request = prepare(&mut restore, &observed, &defaults, "2026-05-21T10:00:00Z".parse().unwrap());
    request.unwrap_or_else(|| panic!("{:?}", restore.status))
}

#[test]
fn plans() {
    let cases = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/plans"));
    let mut folders: Vec<_> = cases.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let told = told(&folder);
        insta::with_settings!({snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/core"), prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("plan@{name}"), told);
        });
    }
}

fn told(folder: &Path) -> String {
    let text = |file| read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let case: Case = serde_yaml_ng::from_str(&text("restore.yaml")).unwrap();
    let archive: Archive = serde_yaml_ng::from_str(&text("archive.yaml")).unwrap();
    let has_cluster = folder.join("cluster.yaml").exists();
    let cluster: Cluster = if has_cluster {
        serde_yaml_ng::from_str(&text("cluster.yaml")).unwrap()
    } else {
        Cluster::default()
    };
    let (request, catalog) = (request(&case), cluster.catalog());
    let needed = if case.all_versions { Versions::All } else { Versions::Preferred };
    let index = index(&archive, request.selection.clone(), needed);
    let versions = match needed {
        Versions::Preferred => VersionChoice::default(),
        Versions::All => {
            VersionChoice::new(&index, &catalog, &UserPriorities::parse(&case.enableapigroupversions))
        }
    };
    let plan = plan(&index, &catalog, &request, &versions).unwrap();
    every_item_has_a_place(&plan, &index, folder);
    let chosen: String = versions.describe().into_iter().map(|line| line + "\n").collect();
    format!("{}\n\n{chosen}{}", case.about.trim(), plan.render())
}

/// Every item is planned or left out with a reason. A Namespace object that cannot be read can be both.
fn every_item_has_a_place(plan: &RestorePlan, index: &ArchiveIndex, folder: &Path) {
    let namespaces = |kind: &GroupResource| kind.is("namespaces");
    let left_out = plan.left_out.iter().filter(|left_out| !namespaces(&left_out.kind));
    let left_out: u64 = left_out.map(|left_out| left_out.items).sum();
    let objects = index.kinds().get(&GroupResource::parse("namespaces")).map(|places| &places[&None]);
    let objects: Vec<&str> = objects.into_iter().flat_map(|items| items.names()).collect();
    assert_eq!(plan.len() as u64 + left_out + objects.len() as u64, index.len(), "{folder:?}");
    for name in objects {
        let serves = plan.namespaces.iter().any(|step| step.source == name && step.object.is_some());
        let left_out = plan.left_out.iter().any(|l| namespaces(&l.kind) && l.name.as_deref() == Some(name));
        assert!(serves != left_out, "{folder:?}: {name}");
    }
}

#[test]
fn what_another_object_needs_passes_selectors_but_not_filters() {
    let case: Case = serde_yaml_ng::from_str(
        "{about: '', spec: {includedNamespaces: [app], labelSelector: {matchLabels: {a: b}}, excludedResources: [secrets]}}",
    )
    .unwrap();
    let archive: Archive = serde_yaml_ng::from_str(
        "{persistentvolumes/cluster/pv: {}, secrets/namespaces/app/s: {}, configmaps/namespaces/other/c: {}, \
         configmaps/namespaces/app/x: broken}",
    )
    .unwrap();
    let request = request(&case);
    let index = index(&archive, request.selection.clone(), Versions::Preferred);
    let plan = plan(&index, &Cluster::default().catalog(), &request, &VersionChoice::default()).unwrap();
    assert!(plan.is_empty());
    let related = |kind: &str, namespace: Option<&str>, name: &str| {
        plan.related(&index, &GroupResource::parse(kind), &ObjectName::new(namespace, name))
    };
    assert!(matches!(related("persistentvolumes", None, "pv"), Related::Item(_)));
    assert_eq!(related("persistentvolumes", None, "other"), Related::Missing);
    assert_eq!(related("secrets", Some("app"), "s"), Related::LeftOut(Reason::Kind));
    assert_eq!(related("configmaps", Some("other"), "c"), Related::LeftOut(Reason::Namespace));
    assert!(matches!(
        related("configmaps", Some("app"), "x"),
        Related::LeftOut(Reason::Unreadable(fault)) if fault.starts_with("not a Kubernetes object")
    ));
}

#[test]
fn related_objects_come_in_the_version_of_their_kind() {
    let case: Case = serde_yaml_ng::from_str("{about: '', spec: {}}").unwrap();
    let archive: Archive = serde_yaml_ng::from_str(
        "{tools.shop.example/namespaces/app/old: {}, tools.shop.example/v1-preferredversion/namespaces/app/old: {}, \
         tools.shop.example/v1beta1/namespaces/app/old: {old: 'yes'}, tools.shop.example/namespaces/app/new: {}}",
    )
    .unwrap();
    let request = request(&case);
    let index = index(&archive, Selection::All, Versions::All);
    let cluster = Cluster { kinds: vec!["tools.shop.example v1beta1 Tool".into()], ..Cluster::default() };
    let versions = VersionChoice::new(&index, &cluster.catalog(), &UserPriorities::default());
    let plan = plan(&index, &cluster.catalog(), &request, &versions).unwrap();
    let tools = GroupResource::parse("tools.shop.example");
    let related = |name| plan.related(&index, &tools, &ObjectName::new(Some("app"), name));
    let old = index.find_version(&tools, "v1beta1", &ObjectName::new(Some("app"), "old")).unwrap();
    assert!(matches!(related("old"), Related::Item(item) if item.location == old));
    assert_eq!(related("new"), Related::LeftOut(Reason::NoSuchVersion("v1beta1".into())));
}
