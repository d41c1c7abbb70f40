//! The hooks of a backup: the groups of its spec, resolved once, and for each pod which hooks it has.

use std::collections::BTreeMap;

use lateen_api::GoDuration;
use lateen_api::v1::{BackupExecHook, BackupHook, BackupHooks, BackupResourceHookSpec, HookErrorMode};

use super::annotation::{AnnotatedHook, backup_hook};
pub use super::group::SpecHooksError;
use super::group::{Chosen, Lists};
use super::pod::TargetPod;
use super::{DEFAULT_TIMEOUT, ExecHook, HookPhase, HookSource};
use crate::catalog::Catalog;

/// The hooks that a Backup's spec asks for, ready to be held against pods.
#[derive(Debug, Default)]
pub struct SpecHooks(Vec<Group>);

#[derive(Debug)]
struct Group {
    pods: Chosen,
    pre: Vec<ExecHook>,
    post: Vec<ExecHook>,
}

impl SpecHooks {
    /// Resolves the groups of a spec. Those that are for other kinds than pods are left out: nothing else has hooks.
    pub fn resolve(hooks: &BackupHooks, catalog: &Catalog) -> Result<Self, SpecHooksError> {
        let groups = hooks.resources.iter().map(|spec| Group::resolve(spec, catalog));
        groups.filter_map(Result::transpose).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a pod in this namespace and with these labels has a hook, before or after.
    pub fn concern(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.of(namespace, labels).any(|group| !group.pre.is_empty() || !group.post.is_empty())
    }

    fn of(&self, namespace: &str, labels: &BTreeMap<String, String>) -> impl Iterator<Item = &Group> {
        self.0.iter().filter(move |group| group.pods.has(namespace, labels))
    }

    fn hooks(&self, pod: &TargetPod, phase: HookPhase) -> Vec<ExecHook> {
        let of_phase = |group: &Group| match phase {
            HookPhase::Pre => group.pre.clone(),
            HookPhase::Post => group.post.clone(),
        };
        self.of(&pod.namespace, &pod.labels).flat_map(of_phase).collect()
    }
}

impl Group {
    fn resolve(spec: &BackupResourceHookSpec, catalog: &Catalog) -> Result<Option<Self>, SpecHooksError> {
        let lists = Lists {
            name: &spec.name,
            namespaces: (&spec.included_namespaces, &spec.excluded_namespaces),
            kinds: (&spec.included_resources, &spec.excluded_resources),
            selector: spec.label_selector.as_ref(),
        };
        let names_pods =
            |name: &str| catalog.resolve(name).is_some_and(|kind| kind.group_resource.is("pods"));
        let hooks =
            |hooks: &[BackupHook]| hooks.iter().map(|hook| exec_hook(&spec.name, &hook.exec)).collect();
        let pods = Chosen::read(&lists, names_pods)?;
        Ok(pods.map(|pods| Self { pods, pre: hooks(&spec.pre), post: hooks(&spec.post) }))
    }
}

fn exec_hook(name: &str, exec: &BackupExecHook) -> ExecHook {
    let wanted = if exec.timeout > GoDuration::ZERO { exec.timeout } else { DEFAULT_TIMEOUT };
    ExecHook {
        name: name.to_owned(),
        source: HookSource::Spec,
        container: exec.container.clone(),
        command: exec.command.clone(),
        timeout: wanted.to_std(),
        aborts: matches!(exec.on_error, None | Some(HookErrorMode::Fail)),
    }
}

/// The hooks of one pod in one phase, in their order, and what had to be guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodPhaseHooks {
    /// The hooks; empty where there are none.
    pub hooks: Vec<ExecHook>,
    /// For the journal.
    pub warnings: Vec<String>,
}

/// Which hooks a pod has in a phase: its own, or else those of the spec. A hook of one phase says nothing about the other.
pub fn hooks_of(pod: &TargetPod, phase: HookPhase, spec: &SpecHooks) -> PodPhaseHooks {
    match backup_hook(&pod.annotations, phase) {
        Some(AnnotatedHook { hook, warnings }) => PodPhaseHooks { hooks: vec![hook], warnings },
        None => PodPhaseHooks { hooks: spec.hooks(pod, phase), warnings: Vec::new() },
    }
}

#[cfg(test)]
mod tests;
