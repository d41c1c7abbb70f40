//! The hooks of one restored pod on their way: which may run now, which has waited too long, when all is over, and what is counted.
//!
//! Hooks of one container run one after the other in their order, as soon as the container is up; containers come in the order of their
//! first hooks, as far as they are up. A hook waits for its container, not for the hooks before it: once its container was up in time, it
//! does not expire any more. Every hook ends in exactly one way, and each that did not end well is told with its reason.
//!
//! There is no clock here: moments are lengths of time since the pod was created.

use std::collections::VecDeque;
use std::time::Duration;

use super::pod_state::PodState;
use super::{ExecHook, RestoreHook};
use crate::hooks::pod::TargetPod;
use crate::hooks::series::HookCounts;

/// What is to be done about a pod's hooks now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Run this hook and tell how it ended ([`Course::ran`]). Its container is a name, never empty.
    Run(ExecHook),
    /// Look again when the pod has changed, or at this moment.
    Wait(Option<Duration>),
    /// There is nothing more to do.
    Over,
}

/// The hooks of one pod on their way.
#[derive(Debug)]
pub struct Course {
    /// `namespace/name`.
    pod: String,
    lanes: Vec<Lane>,
    state: PodState,
    /// When those give up that have no limit of their own.
    patience: Option<Duration>,
    counts: HookCounts,
    errors: Vec<String>,
}

/// The hooks of one container.
#[derive(Debug)]
struct Lane {
    container: String,
    /// One of them wants the container ready; then they all wait for that.
    for_ready: bool,
    /// Since when the container is up, if it is.
    up_since: Option<Duration>,
    hooks: VecDeque<RestoreHook>,
}

impl Course {
    /// The hooks of a pod in the order of its annotations or of the spec. One for a container that the pod does not have fails here.
    pub fn new(pod: &TargetPod, hooks: Vec<RestoreHook>) -> Self {
        let mut course = Self {
            pod: format!("{}/{}", pod.namespace, pod.name),
            lanes: Vec::new(),
            state: PodState::Waiting,
            patience: None,
            counts: HookCounts { attempted: hooks.len() as u64, failed: 0 },
            errors: Vec::new(),
        };
        let mut nowhere = Vec::new();
        for mut hook in hooks {
            match pod.container(&hook.exec.container).map(str::to_owned) {
                Ok(container) => {
                    hook.exec.container = container;
                    course.add(hook);
                }
                Err(error) => nowhere.push((hook.exec, error.to_string())),
            }
        }
        for (hook, error) in nowhere {
            course.ran(&hook, Err(&error));
        }
        course
    }

    fn add(&mut self, hook: RestoreHook) {
        let container = &hook.exec.container;
        let known = self.lanes.iter().position(|lane| lane.container == *container);
        let at = known.unwrap_or_else(|| {
            let (container, hooks) = (container.clone(), VecDeque::new());
            self.lanes.push(Lane { container, for_ready: false, up_since: None, hooks });
            self.lanes.len() - 1
        });
        self.lanes[at].for_ready |= hook.wait_for_ready;
        self.lanes[at].hooks.push_back(hook);
    }

    /// Takes in how the pod is `now`.
    pub fn see(&mut self, state: PodState, now: Duration) {
        for lane in &mut self.lanes {
            let up = state.is_up(&lane.container, lane.for_ready);
            lane.up_since = up.then(|| lane.up_since.unwrap_or(now));
        }
        self.state = state;
    }

    /// From now on hooks without a limit of their own wait until this moment and no longer.
    pub fn lose_patience(&mut self, at: Duration) {
        self.patience = Some(at);
    }

    /// What is to be done `now`.
    pub fn next(&mut self, now: Duration) -> Step {
        match &self.state {
            PodState::Ended(phase) => self.give_up(&format!("the pod has ended: {phase}")),
            PodState::Gone => self.give_up("the pod is gone"),
            PodState::Waiting | PodState::Running(_) => {}
        }
        self.expire(now);
        let mut up = self.lanes.iter_mut().filter(|lane| lane.up_since.is_some());
        if let Some(hook) = up.find_map(|lane| lane.hooks.pop_front()) {
            return Step::Run(hook.exec);
        }
        if self.lanes.iter().all(|lane| lane.hooks.is_empty()) {
            return Step::Over;
        }
        let waiting = self.lanes.iter().flat_map(|lane| &lane.hooks);
        Step::Wait(waiting.filter_map(|hook| hook.wait_limit.or(self.patience)).min())
    }

    /// Takes in how a hook ended that was to be run.
    pub fn ran(&mut self, hook: &ExecHook, result: Result<(), &str>) {
        let Err(error) = result else { return };
        let (name, container) = (&hook.name, &hook.container);
        self.fail(hook, format!("hook {name} in container {container} failed to execute, err: {error}"));
    }

    /// How many hooks there are, and how many of them failed so far.
    pub fn counts(&self) -> HookCounts {
        self.counts
    }

    /// What failed so far, one message for each failed hook.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Ends those that have waited too long for their container.
    fn expire(&mut self, now: Duration) {
        let mut expired = Vec::new();
        for lane in &mut self.lanes {
            let waited = lane.up_since.unwrap_or(now);
            lane.hooks.retain(|hook| {
                let late = hook.wait_limit.or(self.patience).is_some_and(|limit| waited >= limit);
                if late {
                    expired.push(hook.exec.clone());
                }
                !late
            });
        }
        for hook in expired {
            let (name, container) = (&hook.name, &hook.container);
            self.fail(&hook, format!("hook {name} in container {container} expired before executing"));
        }
    }

    /// One more that failed; the others of the pod with it, if it says so.
    fn fail(&mut self, hook: &ExecHook, message: String) {
        self.counts.failed += 1;
        self.errors.push(message);
        if hook.aborts {
            self.give_up("another hook of the pod failed");
        }
    }

    /// None of those that are left is run.
    fn give_up(&mut self, reason: &str) {
        for hook in self.lanes.iter_mut().flat_map(|lane| lane.hooks.drain(..)) {
            let ExecHook { name, container, .. } = &hook.exec;
            self.counts.failed += 1;
            self.errors.push(format!(
                "hook {name} in container {container} in pod {} not executed: {reason}",
                self.pod
            ));
        }
    }
}

#[cfg(test)]
mod tests;
