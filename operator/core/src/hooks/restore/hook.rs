//! A hook after a restore: what is run, and what it waits for.

use std::time::Duration;

use crate::hooks::ExecHook;

/// A command to run in a container of a restored pod, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreHook {
    /// The command.
    pub exec: ExecHook,
    /// How long it may wait for its container, from the moment at which the pod was created; `None` for as long as the restore does.
    pub wait_limit: Option<Duration>,
    /// It waits until its container is ready, not only running.
    pub wait_for_ready: bool,
}
