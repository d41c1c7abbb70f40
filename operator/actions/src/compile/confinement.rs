//! What a process that compiles forbids itself. None of it can be taken back by the process.

use std::{fs, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Standard input, output and error, and some for what libraries look up about the processor.
const OPEN_FILES: u64 = 8;

/// Limits this process: bytes of memory beyond what it has, seconds of processor time, no core dumps, no files, and that it does not outlive its parent.
pub(super) fn confine(more_memory: u64, cpu_seconds: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // If memory runs out nevertheless, this process is the one to go. Where there is no such file the limit below has to do.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
    }
    lower(Resource::Core, 0, 0)?;
    lower(Resource::Fsize, 0, 0)?;
    lower(Resource::Nofile, OPEN_FILES, OPEN_FILES)?;
    // At the first comes the signal that says why, at the second the one that nobody can ignore.
    lower(Resource::Cpu, cpu_seconds, cpu_seconds.saturating_add(1))?;
    let memory = address_space().saturating_add(more_memory);
    lower(Resource::As, memory, memory)
}

/// Sets a limit, or leaves it where it is lower already.
fn lower(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let given = getrlimit(resource).maximum;
    let within = |limit: u64| Some(given.map_or(limit, |given| given.min(limit)));
    Ok(setrlimit(resource, Rlimit { current: within(current), maximum: within(maximum) })?)
}

/// The address space that this process has now, in bytes: mostly the executable, which all processes share and which says nothing about memory.
fn address_space() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    virtual_size(&status).unwrap_or(0)
}

/// The size in the text of `/proc/<pid>/status`.
fn virtual_size(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_process_is_read() {
        assert_eq!(
            virtual_size("Name:\tcat\nVmPeak:\t    5000 kB\nVmSize:\t    4704 kB\n"),
            Some(4704 * 1024)
        );
        assert_eq!(virtual_size("Name:\tkthreadd\n"), None);
    }
}
