//! A pod as far as its volumes go, read where it lies in the item.
//!
//! Reading never fails: what is missing or of another shape is not there.

use lateen_api::labels::annotations::{BACKUP_VOLUMES, BACKUP_VOLUMES_EXCLUDES};
use serde_json::Value;

use super::fault::FileAsker;

/// A pod.
#[derive(Debug, Clone, Copy)]
pub struct Pod<'a>(&'a Value);

/// One of a pod's volumes.
#[derive(Debug, Clone, Copy)]
pub struct PodVolume<'a> {
    /// Its name in the pod.
    pub name: &'a str,
    /// The claim that it is of.
    pub claim: Option<&'a str>,
    /// The whole entry.
    pub source: &'a Value,
}

/// Sources that are never copied: what is in them comes from the API server or belongs to the node.
const NEVER_COPIED: [&str; 5] = ["hostPath", "secret", "configMap", "projected", "downwardAPI"];

/// Begin of the names of volumes that Kubernetes used to make for tokens.
const TOKEN_VOLUME: &str = "default-token";

impl<'a> Pod<'a> {
    /// A pod's JSON.
    pub fn new(pod: &'a Value) -> Self {
        Self(pod)
    }

    /// metadata.namespace.
    pub fn namespace(self) -> &'a str {
        self.text("/metadata/namespace")
    }

    /// metadata.name.
    pub fn name(self) -> &'a str {
        self.text("/metadata/name")
    }

    /// Its volumes.
    pub fn volumes(self) -> impl Iterator<Item = PodVolume<'a>> {
        self.list("/spec/volumes").iter().filter_map(|source| {
            let claim = source.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str);
            Some(PodVolume {
                name: source.get("name")?.as_str()?,
                claim: claim.filter(|claim| !claim.is_empty()),
                source,
            })
        })
    }

    /// Who has the files of a volume copied, policies aside: the backup for all, or the pod by name.
    pub(super) fn asker(self, volume: &str, by_default: bool) -> Option<FileAsker> {
        if by_default {
            (!self.names(BACKUP_VOLUMES_EXCLUDES).any(|name| name == volume)).then_some(FileAsker::Default)
        } else {
            self.names(BACKUP_VOLUMES).any(|name| name == volume).then_some(FileAsker::Annotation)
        }
    }

    /// Names in the annotation for volumes to copy that no volume of the pod has.
    pub(super) fn names_without_volume(self) -> impl Iterator<Item = &'a str> {
        let names = self.names(BACKUP_VOLUMES).filter(|name| !name.is_empty());
        names.filter(move |name| !self.volumes().any(|volume| volume.name == *name))
    }

    /// Why nothing can be read through this pod, where it does not run.
    pub(super) fn not_running(self) -> Option<String> {
        let phase = self.text("/status/phase");
        if self.text("/spec/nodeName").is_empty() {
            Some("the pod is not scheduled to a node".into())
        } else if !self.text("/metadata/deletionTimestamp").is_empty() {
            Some("the pod is being deleted".into())
        } else if phase != "Running" {
            Some(format!("the pod is not running, its phase is {phase:?}"))
        } else {
            None
        }
    }

    /// Why the files of a volume cannot be read through this pod, whoever asks for them. `on_host_path`: it is of a claim whose volume is a
    /// directory of the node.
    pub(super) fn obstacle(self, volume: &str, on_host_path: bool) -> Option<&'static str> {
        if on_host_path {
            Some("is a directory of the node (hostPath)")
        } else if self.uses("volumeDevices", volume) {
            Some("is used as a block device and has no files")
        } else if self.uses("volumeMounts", volume) {
            None
        } else {
            Some("is not mounted by any container")
        }
    }

    /// Whether a container has the volume in one of its lists. Containers that run before the others do not count: they are over.
    fn uses(self, list: &str, volume: &str) -> bool {
        self.list("/spec/containers").iter().any(|container| {
            let entries = container.get(list).and_then(Value::as_array).into_iter().flatten();
            entries.into_iter().any(|entry| entry.get("name").and_then(Value::as_str) == Some(volume))
        })
    }

    /// The names in an annotation, as they stand between the commas.
    fn names(self, annotation: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let annotations = self.0.pointer("/metadata/annotations");
        let names = annotations.and_then(|all| all.get(annotation)).and_then(Value::as_str);
        names.into_iter().flat_map(|names| names.split(','))
    }

    fn text(self, pointer: &str) -> &'a str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn list(self, pointer: &str) -> &'a [Value] {
        self.0.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

impl PodVolume<'_> {
    /// Whether its files could be copied at all. `claims_excluded`: the backup leaves claims out, and their files with them.
    pub(super) fn may_be_copied(self, claims_excluded: bool) -> bool {
        let has = |source: &str| self.source.get(source).is_some_and(|value| !value.is_null());
        let never = NEVER_COPIED.iter().any(|source| has(source)) || self.name.starts_with(TOKEN_VOLUME);
        let excluded = claims_excluded && self.claim.is_some();
        !never && !excluded
    }
}
