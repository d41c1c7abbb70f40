//! One pod with its hooks: looks at the pod whenever it changes, runs the hooks whose turn it is, and tells what failed.

use std::sync::Arc;

use lateen_core::hooks::pod::TargetPod;
use lateen_core::hooks::restore::RestoreHook;
use lateen_core::hooks::restore::course::{Course, Step};
use lateen_core::hooks::restore::pod_state::PodState;
use lateen_core::hooks::series::HookCounts;
use lateen_core::hooks::{ExecHook, HookPhase};
use lateen_core::journal::Level;
use lateen_core::results::Place;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use super::pods::Seen;
use crate::error_chain::error_chain;
use crate::pod_hook::run_hook;

/// One pod with its hooks.
pub(super) struct Task {
    shared: Arc<Shared>,
    pod: TargetPod,
    course: Course,
    begun: Instant,
    /// The newest state of whatever pod has the name.
    seen: watch::Receiver<Seen>,
    /// The pod itself was seen at least once.
    was_there: bool,
    /// When hooks without a limit of their own give up.
    patience: watch::Receiver<Option<Instant>>,
    /// Errors that are written down.
    told: usize,
}

impl Task {
    /// The hooks of a pod, which wait from now on.
    pub(super) fn new(
        shared: &Arc<Shared>,
        pod: TargetPod,
        hooks: Vec<RestoreHook>,
        patience: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            course: Course::new(&pod, hooks),
            seen: shared.pods.follow(&pod),
            shared: Arc::clone(shared),
            pod,
            begun: Instant::now(),
            was_there: false,
            patience,
            told: 0,
        }
    }

    /// Runs the hooks as their containers come up, until all are through. When the server ends, those that did not run are not failed.
    pub(super) async fn run(mut self) -> HookCounts {
        while !self.shared.stop.is_cancelled() {
            self.look();
            if let Some(end) = *self.patience.borrow_and_update() {
                self.course.lose_patience(end.saturating_duration_since(self.begun));
            }
            let step = self.course.next(self.begun.elapsed());
            self.tell();
            match step {
                Step::Over => break,
                Step::Run(hook) => self.run_hook(&hook).await,
                Step::Wait(until) => self.wait(until.map(|until| self.begun + until)).await,
            }
        }
        self.course.counts()
    }

    async fn wait(&mut self, until: Option<Instant>) {
        let moment = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok(()) = self.seen.changed() => {}
            Ok(()) = self.patience.changed() => {}
            () = moment => {}
            () = self.shared.stop.cancelled() => {}
        }
    }

    /// Runs one hook and goes on watching the pod: a container that comes up meanwhile does so in time.
    async fn run_hook(&mut self, hook: &ExecHook) {
        let (shared, pod) = (Arc::clone(&self.shared), self.pod.clone());
        let running = async {
            let turn = shared.stop.run_until_cancelled(shared.execs.acquire()).await;
            let Some(Ok(_turn)) = turn else { return Ok(()) };
            let stopped = shared.stop.cancelled();
            run_hook(&shared.client, &shared.lines, &pod, (HookPhase::Post, hook), stopped).await
        };
        // Boxed, so that the thousands of pods that wait are small.
        let mut running = Box::pin(running);
        let result = loop {
            tokio::select! {
                result = &mut running => break result,
                Ok(()) = self.seen.changed() => self.look(),
            }
        };
        if !self.shared.stop.is_cancelled() {
            let error = result.err().map(|error| error_chain(&error));
            self.course.ran(hook, error.as_deref().map_or(Ok(()), Err));
        }
    }

    /// Takes in how the pod is. Another one in its place means that it is gone, unless it was not seen yet: then that is an older one.
    fn look(&mut self) {
        let seen = self.seen.borrow_and_update().clone();
        let ours = seen.uid == self.pod.uid;
        self.was_there |= ours;
        let state = match (ours, self.was_there) {
            (true, _) => seen.state,
            (false, true) => PodState::Gone,
            (false, false) => PodState::Waiting,
        };
        self.course.see(state, self.begun.elapsed());
    }

    /// Writes down what failed since the last time.
    fn tell(&mut self) {
        let place = Place::of(Some(&self.pod.namespace));
        for error in &self.course.errors()[self.told..] {
            self.shared.results.result(Level::Error, &place, error);
        }
        self.told = self.course.errors().len();
    }
}
