//! What a hook has to know of its pod's state: which containers run, which are ready, and whether the pod is at its end.

use k8s_openapi::api::core::v1::Pod;

/// A pod at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PodState {
    /// Nobody has seen it yet, or it has not begun.
    #[default]
    Waiting,
    /// It is there, with these containers running.
    Running(Vec<RunningContainer>),
    /// It has run its course: the phase that it ended in.
    Ended(String),
    /// It was deleted, or another pod has its name.
    Gone,
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningContainer {
    /// Its name in the pod.
    pub name: String,
    /// Its readiness probe says so, or it has none.
    pub ready: bool,
}

impl PodState {
    /// From a pod as the API server has it. Sidecars count as containers.
    pub fn of(pod: &Pod) -> Self {
        let Some(status) = &pod.status else { return Self::Waiting };
        if let Some(phase @ ("Succeeded" | "Failed")) = status.phase.as_deref() {
            return Self::Ended(phase.to_owned());
        }
        let statuses = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
        let running = statuses
            .filter(|container| container.state.as_ref().is_some_and(|state| state.running.is_some()));
        let running: Vec<RunningContainer> = running
            .map(|container| RunningContainer { name: container.name.clone(), ready: container.ready })
            .collect();
        if running.is_empty() { Self::Waiting } else { Self::Running(running) }
    }

    /// Whether a container runs, and is ready where that is asked for.
    pub fn is_up(&self, container: &str, ready: bool) -> bool {
        let Self::Running(running) = self else { return false };
        running.iter().any(|found| found.name == container && (found.ready || !ready))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn state(status: Value) -> PodState {
        PodState::of(&serde_json::from_value(json!({ "metadata": {}, "status": status })).unwrap())
    }

    #[test]
    fn a_container_is_up_when_it_runs_and_is_ready_if_that_is_asked() {
        let pod = state(json!({
            "phase": "Running",
            "containerStatuses": [
                {"name": "db", "ready": true, "image": "i", "imageID": "", "restartCount": 0, "state": {"running": {}}},
                {"name": "slow", "ready": false, "image": "i", "imageID": "", "restartCount": 0, "state": {"running": {}}},
                {"name": "broken", "ready": false, "image": "i", "imageID": "", "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ],
            "initContainerStatuses": [
                {"name": "proxy", "ready": true, "image": "i", "imageID": "", "restartCount": 0, "state": {"running": {}}},
            ],
        }));
        for (container, ready, up) in [
            ("db", true, true),
            ("db", false, true),
            ("slow", false, true),
            ("slow", true, false),
            ("broken", false, false),
            ("proxy", true, true),
            ("nobody", false, false),
        ] {
            assert_eq!(pod.is_up(container, ready), up, "{container}, ready {ready}");
        }
    }

    #[test]
    fn the_end_of_a_pod_is_told_by_its_phase() {
        for (phase, wanted) in [
            ("Pending", PodState::Waiting),
            ("Unknown", PodState::Waiting),
            ("Succeeded", PodState::Ended("Succeeded".into())),
            ("Failed", PodState::Ended("Failed".into())),
        ] {
            assert_eq!(state(json!({ "phase": phase })), wanted);
        }
        assert_eq!(PodState::of(&Pod::default()), PodState::Waiting);
    }
}
