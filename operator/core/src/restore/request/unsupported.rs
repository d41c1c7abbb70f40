//! What a Restore or an object may ask for and this version cannot do: told, because a run that left it out silently would look like one
//! that did it.

use lateen_api::labels::annotations;
use lateen_api::v1::RestoreSpec;
use serde_json::Value;

use crate::kind::GroupResource;

/// One message for each thing that the spec asks for in vain.
pub(super) fn check(spec: &RestoreSpec) -> Vec<String> {
    let asked = [
        ("hooks", !spec.hooks.resources.is_empty(), "runs no restore hooks"),
        ("resourceModifier", spec.resource_modifier.is_some(), "reads no resource modifiers"),
        ("resourcePolicy", spec.resource_policy.is_some(), "reads no resource policies"),
        ("restorePVs", spec.restore_pvs == Some(true), "restores no data of volumes"),
    ];
    let in_vain = asked.into_iter().filter(|(_, asked, _)| *asked);
    in_vain
        .map(|(field, _, lack)| format!("spec.{field} is set, but this version of the server {lack}"))
        .collect()
}

/// What an object asks for by its annotations and does not get.
pub fn asks_in_vain(kind: &GroupResource, object: &Value) -> Option<&'static str> {
    let hooks = [annotations::POST_RESTORE_HOOK_PREFIX, annotations::INIT_RESTORE_HOOK_PREFIX];
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object)?;
    let asked =
        kind.is("pods") && annotations.keys().any(|key| hooks.iter().any(|hook| key.starts_with(hook)));
    asked.then_some("the pod asks for restore hooks, which this version does not run")
}
