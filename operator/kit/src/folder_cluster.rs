//! A cluster made of files: what an action may read in `run --cluster DIR`, and in a case with a folder `cluster`.
//!
//! It answers as an API server would that has these objects and no others. Kubernetes' own kinds are served, in `v1`, and whatever else there is an
//! object of, in the versions in which there is one. Nothing is ever written: a write is answered as a dry run.

mod access;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use lateen_actions::matching::{Matcher, NamespaceGlobs, ResourcePatterns, parse_selector};
use serde_json::Value;

use crate::{
    KitError, item,
    resource::{self, Resource},
};

/// Objects in a folder: what a test can need, a hundred times over.
const MOST: usize = 10_000;

/// The objects of a folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FolderCluster {
    objects: Vec<Stored>,
}

#[derive(Debug, Clone, PartialEq)]
struct Stored {
    resource: Resource,
    kind: String,
    namespace: Option<String>,
    name: String,
    labels: BTreeMap<String, String>,
    value: Value,
}

/// One way in which the folder serves a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FolderKind {
    /// `v1`.
    version: String,
    /// `deployments`.
    resource: String,
    /// `Deployment`.
    kind: String,
    /// Its objects live in namespaces.
    namespaced: bool,
}

/// Which objects are listed.
#[derive(Debug, Clone, Copy)]
struct FolderQuery<'a> {
    /// `""` for the core group.
    group: &'a str,
    /// Plural.
    resource: &'a str,
    /// `None`: all.
    namespace: Option<&'a str>,
    /// As for `kubectl -l`.
    label_selector: &'a str,
    /// As for `kubectl --field-selector`: `metadata.name=x,spec.nodeName!=y`.
    field_selector: &'a str,
}

impl FolderCluster {
    /// Reads every YAML and JSON file in a folder, not in those below it; a file may have several objects.
    pub(crate) fn read(folder: &Path) -> Result<Self, KitError> {
        let failed = |source| KitError::Read { path: folder.to_owned(), source };
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e))
            {
                files.push(path);
            }
        }
        files.sort();
        let mut objects = Vec::new();
        for path in files {
            for value in item::objects(&path)? {
                let stored = Stored::new(value).map_err(|problem| {
                    KitError::Content(format!("{}: an object {problem}", path.display()))
                })?;
                objects.push(stored);
                if objects.len() > MOST {
                    return Err(KitError::Content(format!(
                        "{} has more than {MOST} objects",
                        folder.display()
                    )));
                }
            }
        }
        Ok(Self { objects })
    }

    /// The kinds of a group, each version of each once.
    fn kinds(&self, group: &str) -> Vec<FolderKind> {
        let own = resource::known(group).map(|(kind, namespaced)| FolderKind {
            version: "v1".to_owned(),
            resource: resource::plural(kind, true),
            kind: kind.to_owned(),
            namespaced,
        });
        let mut kinds: Vec<FolderKind> = self
            .objects
            .iter()
            .filter(|object| object.resource.group == group)
            .map(|Stored { resource, kind, namespace, .. }| FolderKind {
                version: resource.version.clone(),
                resource: resource.plural.clone(),
                kind: kind.clone(),
                namespaced: namespace.is_some(),
            })
            .chain(own)
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// One object.
    fn object(&self, group: &str, resource: &str, namespace: Option<&str>, name: &str) -> Option<&Value> {
        let found = self
            .of_kind(group, resource)
            .find(|object| object.namespace.as_deref() == namespace && object.name == name);
        found.map(|object| &object.value)
    }

    /// The objects that a query asks for, by namespace and name. The error is what is wrong with a selector.
    fn select(&self, query: &FolderQuery<'_>) -> Result<Vec<&Value>, String> {
        let FolderQuery { group, resource, namespace, label_selector, field_selector } = *query;
        let selector = parse_selector(label_selector).map_err(|error| error.to_string())?;
        // The server's own matcher, with nothing in it but the selector: kind and namespace have been looked at.
        let every = |error: lateen_actions::matching::PatternError| error.to_string();
        let resources = ResourcePatterns::parse(&["*".to_owned(), "secrets".to_owned()]).map_err(every)?;
        let matcher = Matcher { resources, namespaces: NamespaceGlobs::parse(&[]).map_err(every)?, selector };
        let fields = field_selector
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(FieldCondition::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let mut found: Vec<&Stored> = self
            .of_kind(group, resource)
            .filter(|object| namespace.is_none() || object.namespace.as_deref() == namespace)
            .filter(|object| {
                matcher.matches(group, resource, object.namespace.as_deref(), Some(&object.labels))
            })
            .filter(|object| fields.iter().all(|field| field.holds(&object.value)))
            .collect();
        found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Ok(found.into_iter().map(|object| &object.value).collect())
    }

    fn of_kind(&self, group: &str, resource: &str) -> impl Iterator<Item = &Stored> {
        self.objects
            .iter()
            .filter(move |object| object.resource.group == group && object.resource.plural == resource)
    }
}

impl Stored {
    fn new(value: Value) -> Result<Self, &'static str> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let api_version = text("/apiVersion").ok_or("lacks apiVersion")?;
        let kind = text("/kind").ok_or("lacks kind")?;
        let name = text("/metadata/name").ok_or("lacks metadata.name")?;
        let labels = value.pointer("/metadata/labels").and_then(Value::as_object);
        let label = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        let resource = Resource::of(&api_version, &kind, None);
        let namespace = text("/metadata/namespace").filter(|namespace| !namespace.is_empty());
        let known = resource::known(&resource.group).find(|(known, _)| *known == kind);
        match (known, &namespace) {
            (Some((_, true)), None) => return Err("lacks metadata.namespace"),
            (Some((_, false)), Some(_)) => return Err("has metadata.namespace, and its kind has none"),
            _ => {}
        }
        Ok(Self {
            resource,
            namespace,
            labels: labels.into_iter().flatten().filter_map(label).collect(),
            kind,
            name,
            value,
        })
    }
}

/// `path=value` or `path!=value`; a field that is not there is the empty text, as for the API server.
struct FieldCondition {
    pointer: String,
    value: String,
    equal: bool,
}

impl FieldCondition {
    fn parse(text: &str) -> Result<Self, String> {
        let parts = match text.split_once("!=") {
            Some((path, value)) => Some((path, value, false)),
            None => text
                .split_once("==")
                .or_else(|| text.split_once('='))
                .map(|(path, value)| (path, value, true)),
        };
        let (path, value, equal) = parts.ok_or_else(|| format!("{text:?} is not a field selector"))?;
        Ok(Self { pointer: format!("/{}", path.replace('.', "/")), value: value.to_owned(), equal })
    }

    fn holds(&self, object: &Value) -> bool {
        let found = object.pointer(&self.pointer);
        let text = match found {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        (text == self.value) == self.equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> FolderCluster {
        let folder = tempfile::tempdir().unwrap();
        let pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: x, labels: {app: web}}\nspec: {nodeName: one}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n";
        fs::write(folder.path().join("pods.yaml"), pods).unwrap();
        let class =
            r#"{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}"#;
        fs::write(folder.path().join("class.json"), class).unwrap();
        fs::write(folder.path().join("README.md"), "not an object").unwrap();
        FolderCluster::read(folder.path()).unwrap()
    }

    #[test]
    fn objects_are_found_by_address() {
        let cluster = cluster();
        assert_eq!(cluster.object("", "pods", Some("x"), "a").unwrap()["metadata"]["name"], "a");
        assert!(cluster.object("", "pods", None, "a").is_none());
        assert!(cluster.object("storage.k8s.io", "storageclasses", None, "fast").is_some());
    }

    #[test]
    fn kinds_are_served_that_kubernetes_has_or_the_folder() {
        let cluster = cluster();
        let kinds = cluster.kinds("storage.k8s.io");
        let classes: Vec<_> = kinds.iter().filter(|kind| kind.resource == "storageclasses").collect();
        let [class] = classes[..] else { panic!("{kinds:?}") };
        assert_eq!(
            (class.kind.as_str(), class.version.as_str(), class.namespaced),
            ("StorageClass", "v1", false)
        );
        assert!(cluster.kinds("apps").iter().any(|kind| kind.resource == "deployments" && kind.namespaced));
        assert!(cluster.kinds("example.com").is_empty());
    }

    #[test]
    fn an_object_lies_where_its_kind_does() {
        let problem = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("x.yaml"), text).unwrap();
            FolderCluster::read(folder.path()).unwrap_err().to_string()
        };
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}";
        assert!(problem(pod).ends_with("x.yaml: an object lacks metadata.namespace"));
        let node = "apiVersion: v1\nkind: Node\nmetadata: {name: a, namespace: b}";
        assert!(problem(node).ends_with("has metadata.namespace, and its kind has none"));
    }

    #[test]
    fn lists_are_selected_and_in_order() {
        let cluster = cluster();
        let list = |label_selector, field_selector| {
            let query =
                FolderQuery { group: "", resource: "pods", namespace: None, label_selector, field_selector };
            cluster.select(&query).map(|objects| {
                objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect::<String>()
            })
        };
        assert_eq!(list("", "").unwrap(), "ab");
        assert_eq!(list("app=web", "").unwrap(), "b");
        assert_eq!(list("", "spec.nodeName!=one").unwrap(), "a");
        assert_eq!(list("", "spec.nodeName=one,metadata.name=b").unwrap(), "b");
        assert!(list("a b c", "").is_err() && list("", "x").is_err());
    }
}
