//! `velero.io/pod` and `velero.io/add-pvc-from-pod`: a pod forgets what scheduler, admission and kubelet of the old cluster wrote into it, and what it needs
//! is restored before it.

use lateen_action::{NoParams, ObjectRef, Outcome};
use serde::{Deserialize, de::IgnoredAny};

use super::patch::Patch;
use crate::pod;

/// Init containers that an earlier restore put in to wait for the files of volumes. Nobody would end them: a restore that brings files back puts in its own.
const WAITING: [&str; 2] = ["restore-wait", "restic-wait"];

/// What matters of a pod.
#[derive(Deserialize)]
pub(crate) struct Pod {
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<IgnoredAny>,
    priority: Option<IgnoredAny>,
    ephemeral_containers: Option<IgnoredAny>,
    priority_class_name: Option<String>,
    service_account_name: Option<String>,
    volumes: Option<Vec<Named>>,
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
}

/// A volume, or where one is mounted.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    name: String,
    volume_mounts: Option<Vec<Named>>,
}

/// The claims of a pod come first; the pod stays as it is.
pub(crate) fn add_claims(pod: &pod::Pod, _: &NoParams) -> Result<Outcome, String> {
    Ok(Outcome::unchanged().with_related(pod::claims(pod)))
}

/// The node, the number that the priority class stood for, debug containers (with which no pod can be created) and mounted tokens of the old cluster go.
pub(crate) fn restore(pod: &Pod, _: &NoParams) -> Result<Outcome, String> {
    let spec = &pod.spec;
    let mut patch = Patch::default();
    for (there, path) in [
        (spec.node_name.is_some(), "/spec/nodeName"),
        (spec.priority.is_some(), "/spec/priority"),
        (spec.ephemeral_containers.is_some(), "/spec/ephemeralContainers"),
    ] {
        if there {
            patch.remove(path);
        }
    }
    remove_tokens(spec, &mut patch);
    let waits = |container: &Container| WAITING.contains(&container.name.as_str());
    patch.remove_from("/spec/initContainers", spec.init_containers.as_ref(), waits);
    Ok(patch.outcome().with_related(priority_class(spec)))
}

fn priority_class(spec: &Spec) -> Option<ObjectRef> {
    pod::priority_class(spec.priority_class_name.as_deref())
}

/// Volumes with tokens that an old cluster gave by itself, and their mounts: the new one gives a token in its own way.
fn remove_tokens(spec: &Spec, patch: &mut Patch) {
    let Some(account) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) else {
        return;
    };
    let prefix = format!("{account}-token-");
    let token = |entry: &Named| entry.name.starts_with(&prefix);
    patch.remove_from("/spec/volumes", spec.volumes.as_ref(), token);
    for (list, containers) in [("containers", &spec.containers), ("initContainers", &spec.init_containers)] {
        for (place, container) in containers.iter().flatten().enumerate() {
            let mounts = format!("/spec/{list}/{place}/volumeMounts");
            patch.remove_from(&mounts, container.volume_mounts.as_ref(), token);
        }
    }
}
