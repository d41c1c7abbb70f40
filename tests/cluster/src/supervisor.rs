//! Processes that never outlive their owner, and the directory that they work in.
//!
//! A process can be killed without a chance to clean up, and a value in a static is never dropped. So the cleaning is
//! done by somebody else: a small shell script, the watcher, waits on a pipe whose other end only the owner holds. When
//! the owner ends, in whichever way, the kernel closes the pipe, and the watcher kills the process group and removes
//! the directory. The group is held together by an anchor, a `cat` that waits on a pipe of its own: the id of the
//! group is known before the first real process is started, and there is no moment at which a killed owner could
//! leave anything behind.
//!
//! Promises: SIGKILL for everything in the group, then the directory is removed. No graceful end: what is thrown away
//! needs none. It never touches a process outside its group (a process that leaves the group, as daemons do, is not found).

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What the watcher runs: `$1` is the process group, `$2` the directory. Killed processes count as members of the group until somebody
/// collects them; where nobody does (a container whose first process is no init) the wait ends after 40 x 50 ms = 2 s.
const WATCH: &str = r#"
trap '' HUP INT QUIT TERM
while read -r _; do :; done
kill -s KILL -- "-$1"
tries=0
while kill -s 0 -- "-$1" && [ "$tries" -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
rm -rf -- "$2"
"#;

/// How often a condition is looked at: fine enough to lose nothing against steps of hundreds of milliseconds.
const POLL: Duration = Duration::from_millis(50);

/// How much of the end of a log an error quotes: about 30 lines.
const TAIL_BYTES: usize = 3000;

/// The owner's side: everything that it starts ends with it.
pub(crate) struct Supervisor {
    directory: PathBuf,
    group: u32,
    anchor: Child,
    watcher: Child,
    processes: Mutex<Vec<Process>>,
}

struct Process {
    name: &'static str,
    child: Child,
}

impl Supervisor {
    /// Starts the watcher and makes `directory`, which must not exist yet, for the owner's eyes only.
    pub(crate) fn start(directory: PathBuf) -> Result<Self> {
        let mut anchor = Command::new("cat");
        let mut anchor = in_background(&mut anchor, 0).spawn().context("start cat")?;
        let group = anchor.id();
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCH, "sh", &group.to_string()]).arg(&directory);
        let watcher = match in_background(&mut watcher, 0).spawn() {
            Ok(watcher) => watcher,
            Err(error) => {
                end(&mut anchor);
                return Err(error).context("start sh");
            }
        };
        // From here on dropping `this` cleans up.
        let this = Self { directory, group, anchor, watcher, processes: Mutex::default() };
        DirBuilder::new()
            .mode(0o700)
            .create(&this.directory)
            .and_then(|()| fs::create_dir(this.directory.join("logs")))
            .with_context(|| format!("make the directory {}", this.directory.display()))?;
        Ok(this)
    }

    /// Where the processes work; removed with them.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the process `name` writes what it says.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.join("logs").join(format!("{name}.log"))
    }

    /// Starts a process in the group, without input, its output in [`Self::log`]. It is expected to run as long as we do.
    pub(crate) fn spawn(&self, name: &'static str, command: &mut Command) -> Result<()> {
        let child = self.spawn_for_caller(name, command)?;
        self.lock().push(Process { name, child });
        Ok(())
    }

    /// Like [`Self::spawn`], and the caller may end it earlier: it is nothing that [`Self::check`] looks after.
    pub(crate) fn spawn_for_caller(&self, name: &str, command: &mut Command) -> Result<Child> {
        let log = File::create(self.log(name)).with_context(|| format!("open the log of {name}"))?;
        let group = i32::try_from(self.group).context("process id out of range")?;
        command
            .process_group(group)
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(|| format!("share the log of {name}"))?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))
    }

    /// Waits until `met`; gives up after `limit`, or when one of the processes has ended.
    pub(crate) fn wait_until(&self, what: &str, limit: Duration, met: impl Fn() -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            // In this order: a condition that a stranger on a port of ours meets does not count.
            let is_met = met();
            self.check()?;
            if is_met {
                return Ok(());
            }
            if start.elapsed() > limit {
                bail!("waited {} s for {what} in vain{}", limit.as_secs(), self.tails());
            }
            thread::sleep(POLL);
        }
    }

    /// Waits for the end of the process `name`, calling `meanwhile` with the time gone by.
    pub(crate) fn wait_for_exit(
        &self,
        name: &str,
        mut meanwhile: impl FnMut(Duration),
    ) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            for process in self.lock().iter_mut().filter(|process| process.name == name) {
                if let Some(status) = process.child.try_wait().with_context(|| format!("wait for {name}"))? {
                    return Ok(status);
                }
            }
            meanwhile(start.elapsed());
            thread::sleep(POLL);
        }
    }

    /// Fails, with the end of its log, if one of the processes has ended.
    pub(crate) fn check(&self) -> Result<()> {
        for Process { name, child } in self.lock().iter_mut() {
            if let Some(status) = child.try_wait().with_context(|| format!("look after {name}"))? {
                bail!("{name} ended ({status}); its last words:\n{}", self.tail(name));
            }
        }
        Ok(())
    }

    /// The end of a process's log, whole lines.
    pub(crate) fn tail(&self, name: &str) -> String {
        let text = fs::read(self.log(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let start = text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES));
        let start =
            if start == 0 { 0 } else { text[start..].find('\n').map_or(start, |end| start + end + 1) };
        text[start..].to_owned()
    }

    /// Whether a process of ours could not have a port because somebody else was quicker.
    pub(crate) fn lost_a_port(&self) -> bool {
        let names: Vec<_> = self.lock().iter().map(|process| process.name).collect();
        names.iter().any(|name| self.tail(name).contains("address already in use"))
    }

    fn tails(&self) -> String {
        let names: Vec<_> = self.lock().iter().map(|process| process.name).collect();
        let tails: Vec<_> = names.iter().map(|name| format!("\n--- {name}:\n{}", self.tail(name))).collect();
        tails.concat()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The watcher does the work, as it would if we were killed; ours is to collect the dead, so that it sees the group
        // empty at once.
        drop(self.watcher.stdin.take());
        for process in self.processes.get_mut().unwrap_or_else(PoisonError::into_inner) {
            end(&mut process.child);
        }
        end(&mut self.anchor);
        let _ = self.watcher.wait();
    }
}

/// A process in a group of its own (0) or in `group`, held by the pipe that is its input.
fn in_background(command: &mut Command, group: i32) -> &mut Command {
    command
        .process_group(group)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// Kills a process and collects it; that it is dead already is what we want as well.
fn end(child: &mut Child) {
    let _: io::Result<()> = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor() -> (tempfile::TempDir, Supervisor) {
        let parent = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::start(parent.path().join("work")).unwrap();
        (parent, supervisor)
    }

    #[test]
    fn dropping_kills_grandchildren_and_removes_the_directory() {
        let (parent, supervisor) = supervisor();
        let pipe = parent.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut command = Command::new("sh");
        // The grandchild holds the pipe open for writing as long as it lives.
        command.arg("-c").arg("sleep 60 >\"$0\" & wait").arg(&pipe);
        supervisor.spawn("sleeper", &mut command).unwrap();
        let mut reader = File::open(&pipe).unwrap();

        let start = Instant::now();
        drop(supervisor);
        io::copy(&mut reader, &mut io::sink()).unwrap();

        assert!(start.elapsed() < Duration::from_secs(30), "the grandchild slept to its end");
        assert!(!parent.path().join("work").exists());
    }

    #[test]
    fn a_process_that_ends_is_told_with_its_last_words() {
        let (_parent, supervisor) = supervisor();
        let mut command = Command::new("sh");
        command.args(["-c", "echo bind: address already in use >&2; exit 3"]);
        supervisor.spawn("loser", &mut command).unwrap();
        let error =
            supervisor.wait_until("nothing", Duration::from_secs(10), || false).unwrap_err().to_string();
        assert!(error.contains("loser ended (exit status: 3)") && error.contains("bind:"), "{error}");
        assert!(supervisor.lost_a_port());
    }
}
