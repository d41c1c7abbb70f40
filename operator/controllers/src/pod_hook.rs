//! One hook in one pod: the container is chosen, the command run, and what it wrote and how it ended goes to the run's journal.
//!
//! Nothing is decided about the run here: whether a failure stops anything is for whoever asked.

use kube::Client;
use lateen_cluster::exec::{Command, ExecError, Output, exec};
use lateen_core::hooks::pod::{TargetError, TargetPod};
use lateen_core::hooks::{ExecHook, HookPhase};
use lateen_core::journal::{Entry, Journal};

use crate::error_chain::error_chain;

/// Why a hook failed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There is nothing to run, or nowhere to run it.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The command did not begin, or did not end well.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

/// Runs a hook until it ends, its time is up or `cancelled` is ready, and writes down what there is to say. In a pod that has run its
/// course nothing is run, which is no failure.
pub async fn run_hook(
    client: &Client,
    journal: &Journal,
    pod: &TargetPod,
    (phase, hook): (HookPhase, &ExecHook),
    cancelled: impl Future<Output = ()>,
) -> Result<(), HookError> {
    let about = |entry: Entry| describe(entry, pod, phase, hook);
    if pod.finished {
        journal.write(about(Entry::info("the pod has ended; the hook is not run")));
        return Ok(());
    }
    journal.write(about(Entry::info("running exec hook")));
    let result = match command(pod, hook) {
        Ok(command) => {
            let (output, result) = exec(client, &command, cancelled).await;
            tell(journal, &output, about);
            result.map_err(HookError::Exec)
        }
        Err(error) => Err(HookError::Target(error)),
    };
    if let Err(error) = &result {
        journal.write(about(Entry::error("Error executing hook").with("error", error_chain(error))));
    }
    result
}

fn command<'a>(pod: &'a TargetPod, hook: &'a ExecHook) -> Result<Command<'a>, TargetError> {
    if hook.command.is_empty() {
        return Err(TargetError::NoCommand);
    }
    Ok(Command {
        namespace: &pod.namespace,
        pod: &pod.name,
        container: pod.container(&hook.container)?,
        command: &hook.command,
        timeout: Some(hook.timeout),
    })
}

fn tell(journal: &Journal, output: &Output, about: impl Fn(Entry) -> Entry) {
    for (name, captured) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !captured.is_empty() {
            journal.write(about(Entry::info(format!("{name}: {}", captured.text()))));
        }
    }
}

fn describe(entry: Entry, pod: &TargetPod, phase: HookPhase, hook: &ExecHook) -> Entry {
    entry
        .about("pods", Some(&pod.namespace), &pod.name)
        .with("hookPhase", phase)
        .with("hookSource", hook.source.as_str())
        .with("hookType", "exec")
        .with("hookName", &hook.name)
        .with("hookContainer", &hook.container)
        .with("hookCommand", format!("{:?}", hook.command))
}
