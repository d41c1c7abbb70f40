//! The parent's side: starts the child, feeds it, listens, and ends it when it has had its time.

use std::{
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use super::{
    budget::{Budget, budget},
    child::{COMPILE_COMMAND, ChildLimits, EXIT_FAILED, EXIT_MEMORY, EXIT_REFUSED, EXIT_TOO_MUCH_CODE},
    error::CompileError,
};
use crate::limits;

/// How often a parent that waits looks whether the server shuts down.
const GLANCE: Duration = Duration::from_millis(100);

/// What a child may take to end after its last word: the kernel needs a moment for a process of a gigabyte.
const GRACE: Duration = Duration::from_secs(1);

/// A compiler that is a process of its own.
#[derive(Debug, Clone)]
pub struct ChildCompiler {
    /// Started with the subcommand [`COMPILE_COMMAND`]; calls [`compile_component`](super::compile_component) then. It has to be built from
    /// the same sources as this process.
    pub executable: PathBuf,
    /// What it may take.
    pub limits: CompileLimits,
}

/// What one compilation may take.
#[derive(Debug, Clone, Copy)]
pub struct CompileLimits {
    /// Memory of the child in bytes; less where the control group of this process has less left.
    pub memory: u64,
    /// Time on the processor, in whole seconds.
    pub cpu: Duration,
    /// From the start to the last byte of machine code.
    pub wall: Duration,
    /// Bytes of machine code.
    pub code: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory: limits::COMPILE_MEMORY,
            cpu: limits::COMPILE_CPU,
            wall: limits::COMPILE_WALL,
            code: limits::COMPILE_CODE,
        }
    }
}

/// All that a child of ours wrote before it ended with success.
pub(super) struct ChildOutput(Vec<u8>);

impl ChildOutput {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Why the parent ended the child.
enum Ended {
    Late,
    Cancelled,
}

impl ChildCompiler {
    /// Compiles a component. Blocks until the child has ended.
    pub(super) fn compile(
        &self,
        component: &[u8],
        cancelled: &CancellationToken,
    ) -> Result<ChildOutput, CompileError> {
        if cancelled.is_cancelled() {
            return Err(CompileError::Cancelled);
        }
        let budget = budget(self.limits.memory);
        if budget.memory < limits::COMPILE_LEAST {
            return Err(CompileError::LittleMemory { left: budget.memory });
        }
        let mut child = self
            .start(budget)
            .map_err(|error| CompileError::Start(format!("{}: {error}", self.executable.display())))?;
        let failed = |error: io::Error| CompileError::Failed(error.to_string());
        let talked = self.talk(&mut child, component, cancelled);
        let status = collect(&mut child).map_err(failed)?;
        let Talk { ended, code, words } = talked.map_err(failed)?;
        if code.len() as u64 > self.limits.code {
            return Err(CompileError::TooMuchCode(self.limits.code));
        }
        match ended {
            Some(Ended::Late) => Err(CompileError::WallTime(self.limits.wall)),
            Some(Ended::Cancelled) => Err(CompileError::Cancelled),
            None => match status {
                Some(status) if status.success() => Ok(ChildOutput(code)),
                Some(status) => Err(self.explain(status, &words, budget)),
                None => Err(CompileError::Failed("it said all and did not end".to_owned())),
            },
        }
    }

    fn start(&self, budget: Budget) -> io::Result<Child> {
        let limits =
            ChildLimits { memory: budget.memory, cpu_seconds: self.cpu_seconds(), code: self.limits.code };
        Command::new(&self.executable)
            .arg(COMPILE_COMMAND)
            .arg(limits.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    fn cpu_seconds(&self) -> u64 {
        self.limits.cpu.as_secs().max(1)
    }

    /// Feeds and listens at once, each on a thread, because a pipe holds little and neither side may wait for the other.
    fn talk(&self, child: &mut Child, component: &[u8], cancelled: &CancellationToken) -> io::Result<Talk> {
        let missing = || io::Error::other("a pipe to the compiler is missing");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let errors = child.stderr.take().ok_or_else(missing)?;
        // Nothing is ever sent: the channel ends when both listeners have let go of it.
        let (code_open, open) = channel();
        let words_open = code_open.clone();
        thread::scope(|scope| {
            let spawn_all = || -> io::Result<_> {
                let code = pipe_thread()
                    .spawn_scoped(scope, move || read_code(output, self.limits.code, code_open))?;
                let words = pipe_thread().spawn_scoped(scope, move || read_words(errors, words_open))?;
                pipe_thread().spawn_scoped(scope, move || feed(input, component))?;
                Ok((code, words))
            };
            let threads = spawn_all();
            let ended = if threads.is_ok() { watch(&open, self.limits.wall, cancelled) } else { None };
            if ended.is_some() || threads.is_err() {
                // The threads end when their pipes do, and those end with the child. That it is gone already is as well.
                let _ = child.kill();
            }
            let (code, words) = threads?;
            Ok(Talk { ended, code: join(code)?, words: join(words)? })
        })
    }

    /// What the end of a child means.
    fn explain(&self, status: ExitStatus, words: &str, budget: Budget) -> CompileError {
        let memory = match budget {
            Budget { memory, lowered: true } => CompileError::LittleMemory { left: memory },
            Budget { memory, lowered: false } => CompileError::Memory { limit: memory },
        };
        // Rust's own words when an allocation fails, which ends in an abort; and the compiler's, which ends in a panic: that is an abort too, or an exit code.
        let out_of_memory =
            ["memory allocation of", "unhandled out-of-memory error"].iter().any(|own| words.contains(own));
        let failed = |how: String| CompileError::Failed(format!("{how}: {words}"));
        if let Some(signal) = status.signal() {
            return if signal == Signal::XCPU.as_raw() {
                CompileError::CpuTime(Duration::from_secs(self.cpu_seconds()))
            } else if signal == Signal::KILL.as_raw() {
                CompileError::Killed
            } else if out_of_memory {
                memory
            // Rust's own words when a stack is at its end, which ends in an abort.
            } else if words.contains("overflowed its stack") {
                CompileError::Stack
            } else {
                failed(format!("it ended by signal {signal}"))
            };
        }
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(EXIT_REFUSED) => CompileError::Refused(words.to_owned()),
            Some(EXIT_MEMORY) => memory,
            Some(EXIT_TOO_MUCH_CODE) => CompileError::TooMuchCode(self.limits.code),
            Some(EXIT_FAILED) => CompileError::Failed(words.to_owned()),
            _ if out_of_memory => memory,
            _ => failed(format!("it ended with {status}")),
        }
    }
}

/// What came of a child.
struct Talk {
    ended: Option<Ended>,
    code: Vec<u8>,
    words: String,
}

fn pipe_thread() -> thread::Builder {
    thread::Builder::new().name("compiler-pipe".to_owned())
}

/// How a child ended that has said all or was killed. One that goes on is killed now, and then there is no status to go by.
fn collect(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    while started.elapsed() < GRACE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(1));
    }
    // That it ended in this moment is as well.
    let _ = child.kill();
    child.wait()?;
    Ok(None)
}

/// Waits until the child has said all, its time is up, or the server shuts down.
fn watch(open: &Receiver<()>, time: Duration, cancelled: &CancellationToken) -> Option<Ended> {
    let started = Instant::now();
    loop {
        if cancelled.is_cancelled() {
            return Some(Ended::Cancelled);
        }
        let Some(left) = time.checked_sub(started.elapsed()) else { return Some(Ended::Late) };
        match open.recv_timeout(left.min(GLANCE)) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// A child that ends early breaks the pipe; its exit code says more about it.
fn feed(mut input: ChildStdin, component: &[u8]) {
    let _ = input.write_all(component);
}

/// Reads the output, and no more than one byte beyond the limit: the pipe breaks then, and with it the child.
fn read_code(output: impl Read, limit: u64, _open: Sender<()>) -> io::Result<Vec<u8>> {
    let mut code = Vec::new();
    output.take(limit.saturating_add(1)).read_to_end(&mut code)?;
    Ok(code)
}

/// Keeps the beginning of what is said, on one line, and takes the rest without keeping it.
fn read_words(mut errors: impl Read, _open: Sender<()>) -> io::Result<String> {
    let mut words = Vec::new();
    errors.by_ref().take(limits::REASON as u64).read_to_end(&mut words)?;
    io::copy(&mut errors, &mut io::sink())?;
    Ok(String::from_utf8_lossy(&words).trim().replace(['\n', '\r'], " "))
}

fn join<T>(thread: ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread that talks to the compiler panicked")))
}
