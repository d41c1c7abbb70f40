//! `spec.hooks` of a Restore, as far as init containers go.

use fast_glob::glob_match;
use lateen_action::Value;
use serde::Deserialize;

use crate::restore::label_selector::{LabelSelector, Labels};

/// What matters of the Restore.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Wishes {
    hooks: Option<Hooks>,
}

#[derive(Deserialize)]
struct Hooks {
    resources: Option<Vec<Group>>,
}

/// Hooks for some pods. Its kinds do not matter: only pods run anything.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(default)]
    name: String,
    included_namespaces: Option<Vec<String>>,
    excluded_namespaces: Option<Vec<String>>,
    label_selector: Option<LabelSelector>,
    post_hooks: Option<Vec<Hook>>,
}

#[derive(Deserialize)]
struct Hook {
    init: Option<Init>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Init {
    init_containers: Option<Vec<Value>>,
}

impl Wishes {
    /// Whether there are no groups at all, so that no pod has to be looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.groups().next().is_none()
    }

    /// The init containers for a pod with these labels, restored into this namespace. One that says too little is an error.
    pub(super) fn of(&self, namespace: &str, labels: &Labels) -> Result<Vec<Value>, String> {
        let mut wanted = Vec::new();
        for group in self.groups().filter(|group| group.concerns(namespace, labels)) {
            let inits = group.post_hooks.iter().flatten().filter_map(|hook| hook.init.as_ref());
            for container in inits.flat_map(|init| init.init_containers.iter().flatten()) {
                check(container).map_err(|lack| {
                    format!("an init container of hook {:?} of the Restore has no {lack}; add it", group.name)
                })?;
                wanted.push(container.clone());
            }
        }
        Ok(wanted)
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.hooks.iter().flat_map(|hooks| hooks.resources.iter().flatten())
    }
}

impl Group {
    fn concerns(&self, namespace: &str, labels: &Labels) -> bool {
        let listed = |patterns: &Option<Vec<String>>| {
            patterns.iter().flatten().any(|pattern| pattern == namespace || glob_match(pattern, namespace))
        };
        let all = self.included_namespaces.as_ref().is_none_or(Vec::is_empty);
        (all || listed(&self.included_namespaces))
            && !listed(&self.excluded_namespaces)
            && self.label_selector.as_ref().is_none_or(|selector| selector.matches(labels))
    }
}

/// The fields without which Velero takes no container for a hook. The error is the one that is missing.
fn check(container: &Value) -> Result<(), &'static str> {
    let given = |key: &str| container.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let command = container.get("command").and_then(Value::as_array);
    if !given("name") {
        Err("name")
    } else if !given("image") {
        Err("image")
    } else if command.is_none_or(Vec::is_empty) {
        Err("command")
    } else {
        Ok(())
    }
}
