//! The hooks of a restore that are run in pods once these run: the groups of its spec, and for each pod which hooks it has.
//!
//! A group is held against the pod as it was created, with the namespace and the labels that it has in the cluster. What a hook waits
//! for and when its time is over is decided in [`course`]. Init containers are added before a pod is created and are not here.

pub mod course;
pub mod hook;
pub mod pod_state;

use lateen_api::GoDuration;
use lateen_api::v1::{self, HookErrorMode, RestoreResourceHookSpec};

pub use self::hook::RestoreHook;
use super::annotation::{AnnotatedHook, restore_hook};
use super::group::{Chosen, Lists, SpecHooksError};
use super::pod::TargetPod;
use super::{DEFAULT_TIMEOUT, ExecHook, HookSource, limited};

/// The hooks that a Restore's spec asks for, ready to be held against pods.
#[derive(Debug, Clone, Default)]
pub struct RestoreHooks(Vec<Group>);

#[derive(Debug, Clone)]
struct Group {
    pods: Chosen,
    hooks: Vec<RestoreHook>,
}

impl RestoreHooks {
    /// Reads the groups of a spec, or says what is wrong with each that cannot be used. Those that are for other kinds than pods are left
    /// out: nothing else has hooks.
    pub fn read(spec: &v1::RestoreHooks) -> Result<Self, Vec<SpecHooksError>> {
        let (mut groups, mut faults) = (Vec::new(), Vec::new());
        for group in &spec.resources {
            match Group::read(group) {
                Ok(found) => groups.extend(found),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self(groups)) } else { Err(faults) }
    }

    fn of(&self, pod: &TargetPod) -> Vec<RestoreHook> {
        let groups = self.0.iter().filter(|group| group.pods.has(&pod.namespace, &pod.labels));
        groups.flat_map(|group| group.hooks.iter().cloned()).collect()
    }
}

impl Group {
    fn read(spec: &RestoreResourceHookSpec) -> Result<Option<Self>, SpecHooksError> {
        let lists = Lists {
            name: &spec.name,
            namespaces: (&spec.included_namespaces, &spec.excluded_namespaces),
            kinds: (&spec.included_resources, &spec.excluded_resources),
            selector: spec.label_selector.as_ref(),
        };
        let pods = Chosen::read(&lists, names_pods)?;
        let exec = spec.post_hooks.iter().filter_map(|hook| hook.exec.as_ref());
        Ok(pods.map(|pods| Self { pods, hooks: exec.map(|exec| restore_exec(&spec.name, exec)).collect() }))
    }
}

/// Whether a name of a kind means pods, which every cluster has under the same names.
fn names_pods(name: &str) -> bool {
    ["pods", "pod", "po"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn restore_exec(name: &str, exec: &v1::RestoreExecHook) -> RestoreHook {
    let timeout = if exec.exec_timeout > GoDuration::ZERO { exec.exec_timeout } else { DEFAULT_TIMEOUT };
    RestoreHook {
        exec: ExecHook {
            name: name.to_owned(),
            source: HookSource::RestoreSpec,
            container: exec.container.clone(),
            command: exec.command.clone(),
            timeout: timeout.to_std(),
            // Otherwise than on backup: not set means that the hooks behind it are run.
            aborts: exec.on_error == Some(HookErrorMode::Fail),
        },
        wait_limit: limited(exec.wait_timeout),
        wait_for_ready: exec.wait_for_ready == Some(true),
    }
}

/// The hooks of one pod in their order, and what had to be guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodRestoreHooks {
    /// The hooks; empty where there are none.
    pub hooks: Vec<RestoreHook>,
    /// For the journal.
    pub warnings: Vec<String>,
}

/// Which hooks a pod has after its restore: its own, or else those of the spec.
pub fn hooks_of(pod: &TargetPod, spec: &RestoreHooks) -> PodRestoreHooks {
    match restore_hook(&pod.annotations) {
        Some(AnnotatedHook { hook, warnings }) => PodRestoreHooks { hooks: vec![hook], warnings },
        None => PodRestoreHooks { hooks: spec.of(pod), warnings: Vec::new() },
    }
}

#[cfg(test)]
mod tests;
