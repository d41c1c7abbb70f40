//! The hooks of a Restore: label selectors that can be read, and init containers that a pod could have.

use k8s_openapi::api::core::v1::Container;
use lateen_api::v1;
use serde_json::Value;

use crate::hooks::restore::RestoreHooks;
use crate::include_exclude::check_patterns;

/// Reads the hooks; `None` where a group cannot be used. Init containers are checked and stay in the spec, for the action that adds them.
pub(super) fn check(spec: &v1::RestoreHooks, faults: &mut Vec<String>) -> Option<RestoreHooks> {
    let hooks = RestoreHooks::read(spec);
    if let Err(found) = &hooks {
        faults.extend(found.iter().map(|fault| format!("{fault}: {}", fault.source)));
    }
    for group in &spec.resources {
        let name = &group.name;
        let lists = [
            check_patterns(&group.included_namespaces, &group.excluded_namespaces),
            check_patterns(&group.included_resources, &group.excluded_resources),
        ];
        faults.extend(lists.concat().into_iter().map(|fault| format!("the hooks {name:?}: {fault}")));
        let init = group.post_hooks.iter().filter_map(|hook| hook.init.as_ref());
        for (number, container) in init.flat_map(|init| &init.init_containers).enumerate() {
            let place = format!("init container {} of the hooks {name:?}", number + 1);
            faults.extend(check_container(container).map(|fault| format!("{fault}: {place}")));
        }
    }
    hooks.ok()
}

fn check_container(raw: &Value) -> Option<String> {
    let container: Container = match serde_json::from_value(raw.clone()) {
        Ok(container) => container,
        Err(error) => {
            return Some(format!("invalid InitContainer in restore hook, it is no container ({error})"));
        }
    };
    let lacks = container.name.is_empty()
        || container.image.is_none_or(|image| image.is_empty())
        || container.command.is_none_or(|command| command.is_empty());
    lacks.then(|| {
        "invalid InitContainer in restore hook, it doesn't have Command, Name or Image field".to_owned()
    })
}
