//! `velero.io/init-restore-hook`: init containers that somebody wants to run in a restored pod before its own, by annotations of the pod or by
//! `spec.hooks` of the Restore. Annotations win.
//!
//! The answer for a pod is always the same, so that a restore that is begun again makes the same pod. A pod that was backed up after an earlier restore has
//! that restore's containers in it already: those are replaced and not run twice.

mod wanted;

use std::hash::Hasher;

use fnv::FnvHasher;
use lateen_action::{NoParams, Outcome, Value, context, info, json, warn};
use serde::Deserialize;

use super::{label_selector::Labels, patch::Patch, spec::RestoreSpec};
use wanted::Wishes;

thread_local! {
    static RESTORE: RestoreSpec<Wishes> = const { RestoreSpec::new() };
}

/// The container that waits for the files of volumes comes before all hooks, which may want to see the files.
const FIRST: &str = "restore-wait";

const PATH: &str = "/spec/initContainers";

/// What matters of a pod.
#[derive(Deserialize)]
pub(crate) struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    annotations: Option<Annotations>,
    labels: Option<Labels>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "init.hook.restore.velero.io/container-image")]
    image: Option<String>,
    #[serde(rename = "init.hook.restore.velero.io/container-name")]
    name: Option<String>,
    #[serde(rename = "init.hook.restore.velero.io/command")]
    command: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    init_containers: Option<Vec<InitContainer>>,
}

/// One that the pod has.
#[derive(Deserialize, Default)]
#[serde(default)]
struct InitContainer {
    name: Option<String>,
    image: Option<String>,
    command: Option<Vec<String>>,
}

/// A pod that nobody wants anything of stays as it is.
pub(crate) fn restore(pod: &Pod, _: &NoParams) -> Result<Outcome, String> {
    RESTORE.with(|spec| {
        let wishes = spec.read(context::run_object)?;
        let target = || context::this_item().target_namespace.unwrap_or_default();
        let hooks = hooks(pod, wishes, target, warn)?;
        if !hooks.is_empty() {
            let names: Vec<&str> = hooks.iter().filter_map(|hook| hook["name"].as_str()).collect();
            info(&format!("runs {} before the init containers of the pod", names.join(", ")));
        }
        Ok(put(pod, hooks))
    })
}

/// The containers that are wanted, in the order in which they run.
pub(super) fn hooks(
    pod: &Pod,
    wishes: &Wishes,
    target_namespace: impl Fn() -> String,
    warn: impl Fn(&str),
) -> Result<Vec<Value>, String> {
    if let Some(hook) = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.hook(warn)) {
        return Ok(vec![hook]);
    }
    if wishes.is_empty() {
        return Ok(Vec::new());
    }
    let none = Labels::new();
    wishes.of(&target_namespace(), pod.metadata.labels.as_ref().unwrap_or(&none))
}

/// Puts them before the init containers of the pod.
pub(super) fn put(pod: &Pod, hooks: Vec<Value>) -> Outcome {
    let mut patch = Patch::default();
    let Some(own) = pod.spec.init_containers.as_ref().filter(|own| !own.is_empty()) else {
        if !hooks.is_empty() {
            patch.add(PATH, hooks);
        }
        return patch.outcome();
    };
    patch.remove_from(PATH, Some(own), |own| hooks.iter().any(|hook| own.is_made_of(hook)));
    let first = usize::from(own[0].name.as_deref() == Some(FIRST));
    for (place, hook) in hooks.into_iter().enumerate() {
        patch.add(&format!("{PATH}/{}", first + place), hook);
    }
    patch.outcome()
}

impl Annotations {
    /// The container that they ask for. Without an image they ask for none.
    fn hook(&self, warn: impl Fn(&str)) -> Option<Value> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (image, name, command) = (given(&self.image), given(&self.name), given(&self.command));
        let Some(image) = image else {
            if name.is_some() || command.is_some() {
                warn(
                    "the pod has annotations for an init container, but none with its image, so it is restored without one; \
                     add init.hook.restore.velero.io/container-image",
                );
            }
            return None;
        };
        let command = command.map(|text| read_command(&text));
        let name = name.unwrap_or_else(|| derived_name(&image, command.as_deref().unwrap_or_default()));
        let mut hook = json!({ "name": name, "image": image });
        // Without one the image knows what to run.
        if let Some(command) = command {
            hook["command"] = command.into();
        }
        Some(hook)
    }
}

impl InitContainer {
    /// Whether an earlier restore made it for the same hook. The API server has filled in more fields since.
    fn is_made_of(&self, hook: &Value) -> bool {
        let same = |own: &Option<String>, key: &str| own.as_deref() == hook.get(key).and_then(Value::as_str);
        let command = hook.get("command").cloned().unwrap_or_else(|| json!([]));
        same(&self.name, "name")
            && same(&self.image, "image")
            && json!(self.command.as_deref().unwrap_or_default()) == command
    }
}

/// A JSON list of strings is a program and its arguments; anything else is a program, brackets and all.
fn read_command(text: &str) -> Vec<String> {
    let list = text.starts_with('[').then(|| lateen_action::parse(text).ok()).flatten();
    list.unwrap_or_else(|| vec![text.to_owned()])
}

/// A name for a container that has none: the same for the same container, whenever and wherever the pod is restored.
fn derived_name(image: &str, command: &[String]) -> String {
    let mut hasher = FnvHasher::default();
    for part in std::iter::once(image).chain(command.iter().map(String::as_str)) {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    // Both halves of the hash, in the eight digits that such a name has.
    let hash = hasher.finish();
    format!("velero-restore-init-{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests;
