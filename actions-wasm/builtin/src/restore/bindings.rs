//! `velero.io/role-bindings` and `velero.io/cluster-role-bindings`: subjects follow their namespaces to other names.

use std::collections::BTreeMap;

use lateen_action::{NoParams, Outcome, Value, context, json};
use serde::Deserialize;

use super::spec::RestoreSpec;

thread_local! {
    static RESTORE: RestoreSpec<Wishes> = const { RestoreSpec::new() };
}

/// What matters of the Restore.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wishes {
    namespace_mapping: Option<BTreeMap<String, String>>,
}

/// What matters of a binding, of either scope.
#[derive(Deserialize)]
pub(crate) struct Binding {
    subjects: Option<Vec<Value>>,
}

/// A subject in a namespace with another name is the one in the other namespace.
pub(crate) fn restore(binding: &Binding, _: &NoParams) -> Result<Outcome, String> {
    RESTORE.with(|spec| Ok(execute(binding, spec.read(context::run_object)?)))
}

pub(super) fn execute(binding: &Binding, wishes: &Wishes) -> Outcome {
    let mapping = wishes.namespace_mapping.as_ref().filter(|mapping| !mapping.is_empty());
    let (Some(mapping), Some(subjects)) = (mapping, &binding.subjects) else {
        return Outcome::unchanged();
    };
    let mapped = |subject: &Value| mapping.get(subject.get("namespace")?.as_str()?);
    if !subjects.iter().any(|subject| mapped(subject).is_some()) {
        return Outcome::unchanged();
    }
    let follow = |subject: &Value| {
        let mut subject = subject.clone();
        if let Some(namespace) = mapped(&subject) {
            subject["namespace"] = namespace.as_str().into();
        }
        subject
    };
    // The whole list in one go: there may be more subjects than a patch may have operations.
    Outcome::merge(&json!({ "subjects": subjects.iter().map(follow).collect::<Vec<_>>() }))
}
