//! A command in a container of a pod, over a WebSocket to the API server: what it wrote, as far as anybody will read it, and how it ended.
//!
//! A command is begun at most once: the request is a GET in form and a write in effect, which [`crate::client::retry`] knows. Whoever stops
//! waiting (a limit of time, a cancellation) closes the connection; the command itself may go on, Kubernetes has no way to end it. Names
//! and commands come from strangers: a name that a path cannot carry is refused before anything is sent, and output beyond
//! [`OUTPUT_LIMIT`] is read and thrown away, so that a command that talks without end neither blocks nor fills the memory.

use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, AttachedProcess};
use kube::client::UpgradeConnectionError;
use kube::{Api, Client};
use lateen_api::GoDuration;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::request::RequestError;

/// Bytes that are kept of each of the two outputs. It is for people who look for the reason of a failure: some 200 lines. A thousand pods
/// with two hooks each that all write more make a log of 64 MB.
pub const OUTPUT_LIMIT: usize = 16 << 10;

/// Bytes of a command as part of a URL: URLs of the HTTP library end at 65,534 bytes, 1,024 of which are for names and the rest.
pub const COMMAND_LIMIT: usize = 65_534 - 1024;

/// Bytes that are read at once.
const CHUNK: usize = 8 << 10;

/// The longest name of a pod, which is the longest name of anything in a path to it.
const NAME_LIMIT: usize = 253;

/// What to run and where.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Name of the pod.
    pub pod: &'a str,
    /// Name of the container.
    pub container: &'a str,
    /// The program and its arguments.
    pub command: &'a [String],
    /// How long it may take, connecting included; `None` for as long as it likes.
    pub timeout: Option<Duration>,
}

/// What a command wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// To its standard output.
    pub stdout: Captured,
    /// To its standard error.
    pub stderr: Captured,
}

/// The beginning of one output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    bytes: Vec<u8>,
    dropped: u64,
}

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// A name that no pod, namespace or container can have.
    #[error("{0:?} cannot be the name of a pod, a namespace or a container")]
    Name(String),
    /// The command is too long for a request.
    #[error("the command has {bytes} bytes as part of a URL; at most {COMMAND_LIMIT} can be sent")]
    TooLong {
        /// Bytes with escapes.
        bytes: usize,
    },
    /// The API server refused, or did not answer. The command was not begun, or nobody knows.
    #[error("could not begin the command")]
    Begin(#[source] RequestError),
    /// Something between us and the API server, or the server itself, does not speak WebSocket.
    #[error(
        "no WebSocket connection to the container; is there a proxy before the API server that does not let it through?"
    )]
    NoWebSocket(#[source] UpgradeConnectionError),
    /// The command ran and said that it failed.
    #[error("command terminated with exit code {0}")]
    Exit(i64),
    /// The container's runtime could not run it; its own words.
    #[error("{0}")]
    Failed(String),
    /// The connection ended before the command did.
    #[error("the connection to the container ended before the command did")]
    Broken(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// It took too long.
    #[error("timed out after {0}")]
    TimedOut(GoDuration),
    /// Nobody waits for it any more.
    #[error("stopped waiting for the command before it ended")]
    Cancelled,
}

/// Runs a command until it ends, its time is up or `cancelled` is ready. The output is what was there by then.
pub async fn exec(
    client: &Client,
    command: &Command<'_>,
    cancelled: impl Future<Output = ()>,
) -> (Output, Result<(), ExecError>) {
    let mut output = Output::default();
    let limit = async {
        match command.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let result = tokio::select! {
        result = run(client, command, &mut output) => result,
        () = limit => Err(ExecError::TimedOut(command.timeout.unwrap_or_default().into())),
        () = cancelled => Err(ExecError::Cancelled),
    };
    (output, result)
}

async fn run(client: &Client, command: &Command<'_>, output: &mut Output) -> Result<(), ExecError> {
    check(command)?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), command.namespace);
    let params = AttachParams::default()
        .container(command.container)
        .max_stdout_buf_size(CHUNK)
        .max_stderr_buf_size(CHUNK);
    let process = pods.exec(command.pod, command.command, &params).await.map_err(begin_error)?;
    follow(process, output).await
}

/// Collects what the process writes until it tells how it ended.
async fn follow(mut process: AttachedProcess, output: &mut Output) -> Result<(), ExecError> {
    let status = process.take_status().expect("the status of a new process was not taken").fuse();
    let (stdout, stderr) = (process.stdout(), process.stderr());
    let collected =
        futures::future::join(output.stdout.read_all(stdout), output.stderr.read_all(stderr)).fuse();
    tokio::pin!(status, collected);
    let status = tokio::select! {
        _ = &mut collected => status.await,
        told = &mut status => {
            // Behind a status both outputs end. A connection that broke leaves them open for ever.
            if told.is_some() {
                collected.await;
            }
            told
        }
    };
    match status {
        Some(status) => ended(&status),
        None => Err(ExecError::Broken(process.join().await.err().map(Into::into))),
    }
}

fn begin_error(error: kube::Error) -> ExecError {
    match error {
        kube::Error::UpgradeConnection(error) => ExecError::NoWebSocket(error),
        other => ExecError::Begin(other.into()),
    }
}

/// How a command ended, from the Status behind its output.
fn ended(status: &Status) -> Result<(), ExecError> {
    if status.status.as_deref() == Some("Success") {
        return Ok(());
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_deref().and_then(|message| message.parse().ok()));
    Err(match (code, &status.message) {
        (Some(code), _) => ExecError::Exit(code),
        (None, Some(message)) if !message.is_empty() => ExecError::Failed(message.clone()),
        (None, _) => ExecError::Failed("the command failed and nobody said why".to_owned()),
    })
}

/// The library puts names into the path as they are.
fn check(command: &Command<'_>) -> Result<(), ExecError> {
    for name in [command.namespace, command.pod, command.container] {
        let characters =
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if name.is_empty() || name.len() > NAME_LIMIT || name.starts_with('.') || !characters {
            return Err(ExecError::Name(name.to_owned()));
        }
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(command.command.iter().map(|part| ("command", part)));
    let bytes = query.finish().len();
    if bytes > COMMAND_LIMIT { Err(ExecError::TooLong { bytes }) } else { Ok(()) }
}

impl Captured {
    /// For a log: the text, without the line break at its end, and how much is missing. What is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        match self.dropped {
            0 => text.to_owned(),
            dropped => format!("{text} ... and {dropped} bytes more"),
        }
    }

    /// The command wrote nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads to the end. A stream that breaks is at its end: the connection's own error tells why.
    async fn read_all(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut chunk = vec![0; CHUNK];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            let room = OUTPUT_LIMIT.saturating_sub(self.bytes.len()).min(read);
            self.bytes.extend_from_slice(&chunk[..room]);
            self.dropped += (read - room) as u64;
        }
    }
}

#[cfg(test)]
mod tests;
