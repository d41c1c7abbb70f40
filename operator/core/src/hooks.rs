//! Hooks: commands that users ask to have run in containers of their pods, so that what is copied is consistent.
//!
//! Here is decided which hooks a pod has, in which order they run, in which container, and what a failing one means; what runs them is
//! elsewhere. Annotations and specs are other people's input: what cannot be read is told or becomes a failing hook, and is never
//! silently no hook.

pub mod annotation;
pub mod backup;
mod group;
pub mod pod;
pub mod restore;
pub mod series;

use std::fmt;
use std::time::Duration;

use lateen_api::GoDuration;

/// How long a command may take if nobody says otherwise.
pub const DEFAULT_TIMEOUT: GoDuration = GoDuration::from_secs(30);

/// When a hook of a backup runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookPhase {
    /// Before the pod and what belongs to it is copied.
    Pre,
    /// After it is copied.
    Post,
}

impl HookPhase {
    /// As it stands in logs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }
}

impl fmt::Display for HookPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asked for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookSource {
    /// The pod itself.
    Annotation,
    /// The spec of a backup.
    Spec,
    /// The spec of a restore.
    RestoreSpec,
}

impl HookSource {
    /// As it stands in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Spec => "backupSpec",
            Self::RestoreSpec => "restoreSpec",
        }
    }
}

/// A command to run in a container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecHook {
    /// For logs: the name of the group in the spec, or a fixed one for annotations.
    pub name: String,
    /// Who asked for it.
    pub source: HookSource,
    /// The container; empty for the pod's first one.
    pub container: String,
    /// The program and its arguments. Empty where somebody asked for nothing: running that fails.
    pub command: Vec<String>,
    /// How long the command may take.
    pub timeout: Duration,
    /// A failure ends the phase for the pod and is an error of the pod.
    pub aborts: bool,
}

/// The timeout that a text asks for, and a warning where it cannot be had. Empty and zero mean the default.
fn timeout(text: &str) -> (Duration, Option<String>) {
    let default = DEFAULT_TIMEOUT.to_std();
    if text.is_empty() {
        return (default, None);
    }
    match text.parse::<GoDuration>() {
        Ok(length) if length >= GoDuration::ZERO => (length.or(DEFAULT_TIMEOUT).to_std(), None),
        Ok(_) => (default, Some(format!("the timeout {text:?} is below zero; {DEFAULT_TIMEOUT} is used"))),
        Err(error) => {
            (default, Some(format!("the timeout cannot be read ({error}); {DEFAULT_TIMEOUT} is used")))
        }
    }
}

/// How long a text lets a hook wait, and a warning where that cannot be read. Empty, zero and less mean without a limit.
fn wait_limit(text: &str) -> (Option<Duration>, Option<String>) {
    if text.is_empty() {
        return (None, None);
    }
    match text.parse::<GoDuration>() {
        Ok(length) => (limited(length), None),
        Err(error) => (None, Some(format!("the wait timeout cannot be read ({error}); there is none"))),
    }
}

/// A length of time, where zero and less mean none.
fn limited(length: GoDuration) -> Option<Duration> {
    (length > GoDuration::ZERO).then(|| length.to_std())
}
