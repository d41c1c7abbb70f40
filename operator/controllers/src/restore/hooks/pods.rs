//! The pods of one restore as a watch tells them: one watch for all of them, by the label that they have, however many there are.
//!
//! Kept of a pod is what a hook waits for, some hundred bytes. Whoever waits for a pod gets its newest state; states in between may never
//! be told. The watch begins with the first pod that is asked for and ends with this value.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{Client, ResourceExt};
use lateen_cluster::watch::{Watched, watch_everywhere};
use lateen_core::hooks::pod::TargetPod;
use lateen_core::hooks::restore::pod_state::PodState;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Namespace and name.
type Key = (String, String);

/// A pod at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Which of the pods that had this name one after the other.
    pub(super) uid: String,
    /// How it is.
    pub(super) state: PodState,
}

/// The pods of a restore.
pub(super) struct Pods {
    client: Client,
    /// The selector of the label that they have.
    selector: String,
    known: Arc<Mutex<Known>>,
    watching: OnceLock<AbortOnDropHandle<()>>,
}

impl Pods {
    /// The pods that a label selector matches, in all namespaces. Nothing is asked of the cluster yet.
    pub(super) fn new(client: Client, selector: String) -> Self {
        Self { client, selector, known: Arc::default(), watching: OnceLock::new() }
    }

    /// The states of a pod from now on. Must be called in a runtime.
    pub(super) fn follow(&self, pod: &TargetPod) -> watch::Receiver<Seen> {
        let receiver = lock(&self.known).follow(pod);
        self.watching.get_or_init(|| {
            let mut told = Box::pin(watch_everywhere::<Pod>(self.client.clone(), &self.selector));
            let known = Arc::clone(&self.known);
            AbortOnDropHandle::new(tokio::spawn(async move {
                while let Some(told) = told.next().await {
                    lock(&known).take_in(told);
                }
            }))
        });
        receiver
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the watch has told. Pods that are gone stay as such, for whoever asks for them late.
#[derive(Default)]
struct Known {
    pods: BTreeMap<Key, watch::Sender<Seen>>,
    /// While a list comes in: those that were known before it and that it has not brought yet.
    missing: HashSet<Key>,
}

impl Known {
    fn follow(&mut self, pod: &TargetPod) -> watch::Receiver<Seen> {
        let sender = self.pods.entry((pod.namespace.clone(), pod.name.clone())).or_default();
        // A pod before it that is gone says nothing about this one, and one that is still there is told to be gone first.
        sender.send_if_modified(|seen| {
            let earlier = seen.uid != pod.uid && (seen.uid.is_empty() || seen.state == PodState::Gone);
            if earlier {
                *seen = Seen { uid: pod.uid.clone(), state: PodState::Waiting };
            }
            earlier
        });
        sender.subscribe()
    }

    fn take_in(&mut self, told: Watched<Pod>) {
        match told {
            Watched::Listing => self.missing = self.pods.keys().cloned().collect(),
            Watched::Applied(pod) => {
                let key = key(&pod);
                self.missing.remove(&key);
                let seen = Seen { uid: pod.uid().unwrap_or_default(), state: PodState::of(&pod) };
                self.tell(key, seen);
            }
            Watched::Deleted(pod) => {
                let seen = Seen { uid: pod.uid().unwrap_or_default(), state: PodState::Gone };
                self.tell(key(&pod), seen);
            }
            Watched::Listed => {
                for key in std::mem::take(&mut self.missing) {
                    if let Some(sender) = self.pods.get(&key) {
                        sender.send_modify(|seen| seen.state = PodState::Gone);
                    }
                }
            }
        }
    }

    fn tell(&mut self, key: Key, now: Seen) {
        self.pods.entry(key).or_default().send_if_modified(|seen| {
            let changed = *seen != now;
            *seen = now;
            changed
        });
    }
}

fn key(pod: &Pod) -> Key {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, uid: &str, phase: &str) -> Arc<Pod> {
        let metadata = json!({"namespace": "app", "name": name, "uid": uid});
        let statuses = json!([{"name": "db", "ready": true, "image": "", "imageID": "", "restartCount": 0, "state": {"running": {}}}]);
        let status = json!({"phase": phase, "containerStatuses": statuses});
        Arc::new(serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap())
    }

    fn target(name: &str, uid: &str) -> TargetPod {
        TargetPod { namespace: "app".into(), name: name.into(), uid: uid.into(), ..TargetPod::default() }
    }

    /// What somebody sees who follows `name` with `uid`: `<uid> up`, `waiting`, `gone` or `ended`.
    fn seen(known: &mut Known, name: &str, uid: &str) -> String {
        let seen = known.follow(&target(name, uid)).borrow().clone();
        let state = match seen.state {
            PodState::Waiting => "waiting",
            PodState::Running(_) => "up",
            PodState::Ended(_) => "ended",
            PodState::Gone => "gone",
        };
        format!("{} {state}", seen.uid)
    }

    #[test]
    fn a_pod_is_known_whoever_comes_first() {
        let mut known = Known::default();
        known.take_in(Watched::Applied(pod("early", "1", "Running")));
        assert_eq!(seen(&mut known, "early", "1"), "1 up");
        assert_eq!(seen(&mut known, "late", "2"), "2 waiting");
        known.take_in(Watched::Applied(pod("late", "2", "Running")));
        assert_eq!(seen(&mut known, "late", "2"), "2 up");
        known.take_in(Watched::Applied(pod("late", "2", "Failed")));
        assert_eq!(seen(&mut known, "late", "2"), "2 ended");
    }

    #[test]
    fn what_is_gone_stays_gone_and_its_name_is_free() {
        let mut known = Known::default();
        known.take_in(Watched::Applied(pod("a", "1", "Running")));
        known.take_in(Watched::Deleted(pod("a", "1", "Running")));
        assert_eq!(seen(&mut known, "a", "1"), "1 gone", "it was deleted before anybody asked for it");
        assert_eq!(seen(&mut known, "a", "2"), "2 waiting");
        known.take_in(Watched::Applied(pod("a", "2", "Running")));
        assert_eq!(seen(&mut known, "a", "1"), "2 up", "whoever waits for the first sees another");
    }

    #[test]
    fn a_list_tells_what_was_deleted_while_nobody_listened() {
        let mut known = Known::default();
        known.take_in(Watched::Applied(pod("deleted", "1", "Running")));
        assert_eq!(seen(&mut known, "never-seen", "2"), "2 waiting");
        known.take_in(Watched::Listing);
        assert_eq!(seen(&mut known, "made-meanwhile", "3"), "3 waiting");
        known.take_in(Watched::Applied(pod("there", "4", "Running")));
        known.take_in(Watched::Listed);
        assert_eq!(seen(&mut known, "deleted", "1"), "1 gone");
        assert_eq!(seen(&mut known, "never-seen", "2"), "2 gone");
        assert_eq!(seen(&mut known, "made-meanwhile", "3"), "3 waiting");
        assert_eq!(seen(&mut known, "there", "4"), "4 up");
    }
}
