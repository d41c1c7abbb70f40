//! The child's side: component on standard input, machine code on standard output, words on standard error.
//!
//! It limits itself before it reads the first byte, needs no file, no environment and no clock, and starts nothing: no thread, no async runtime.

use std::{
    fmt,
    io::{self, Read, Write},
    process::ExitCode,
    str::FromStr,
};

use wasmtime::{Engine, OutOfMemory};

use super::{confinement, engine_config};
use crate::limits;

/// The subcommand by which an executable lets itself be used as compiler; one argument follows, the text of [`ChildLimits`].
pub const COMPILE_COMMAND: &str = "compile-component";

/// The child says on standard error what is wrong with the component. (`EX_DATAERR` of BSD.)
pub(super) const EXIT_REFUSED: u8 = 65;

/// The child says on standard error what went wrong with itself. (`EX_SOFTWARE`.)
pub(super) const EXIT_FAILED: u8 = 70;

/// The compiler noticed itself that its memory is used up. (`EX_OSERR`.)
pub(super) const EXIT_MEMORY: u8 = 71;

/// The machine code is larger than allowed. (`EX_CANTCREAT`.)
pub(super) const EXIT_TOO_MUCH_CODE: u8 = 73;

/// What a child does not go beyond. Its text, for a command line, is the three numbers with colons between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildLimits {
    /// Address space in bytes, beyond what the process has when it begins.
    pub memory: u64,
    /// Seconds on the processor.
    pub cpu_seconds: u64,
    /// Bytes of machine code.
    pub code: u64,
}

/// The text is not that of [`ChildLimits`].
#[derive(Debug, thiserror::Error)]
#[error("limits are three numbers: <bytes of memory>:<seconds on the processor>:<bytes of machine code>")]
pub struct InvalidLimits;

impl fmt::Display for ChildLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.memory, self.cpu_seconds, self.code)
    }
}

impl FromStr for ChildLimits {
    type Err = InvalidLimits;

    fn from_str(text: &str) -> Result<Self, InvalidLimits> {
        let numbers: Result<Vec<u64>, _> = text.split(':').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[memory, cpu_seconds, code]) => Ok(Self { memory, cpu_seconds, code }),
            _ => Err(InvalidLimits),
        }
    }
}

/// Why there is no code.
enum Problem {
    Refused(String),
    Failed(String),
    Memory,
    TooMuchCode,
}

/// All that a child does, from its limits to its exit code. Call it first thing in `main`.
pub fn compile_component(limits: ChildLimits) -> ExitCode {
    let (code, text) = match compile(limits) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Problem::Refused(text)) => (EXIT_REFUSED, text),
        Err(Problem::Failed(text)) => (EXIT_FAILED, text),
        Err(Problem::Memory) => (EXIT_MEMORY, String::new()),
        Err(Problem::TooMuchCode) => (EXIT_TOO_MUCH_CODE, String::new()),
    };
    // If nobody listens, the exit code has to do.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(code)
}

fn compile(limits: ChildLimits) -> Result<(), Problem> {
    let failed = |what: &str, error: &dyn fmt::Display| Problem::Failed(format!("{what}: {error}"));
    confinement::confine(limits.memory, limits.cpu_seconds)
        .map_err(|error| failed("limit the compiler", &error))?;
    let mut component = Vec::new();
    // One more than the limit, so that the host's own check is not the only one.
    let mut input = io::stdin().lock().take(limits::COMPONENT as u64 + 1);
    input.read_to_end(&mut component).map_err(|error| failed("read the component", &error))?;
    if component.len() > limits::COMPONENT {
        return Err(Problem::Refused(format!("it is larger than {} MiB", limits::COMPONENT >> 20)));
    }
    let mut config = engine_config();
    // Threads would multiply what the functions under way take at once.
    config.parallel_compilation(false);
    let engine =
        Engine::new(&config).map_err(|error| failed("set up the compiler", &format!("{error:#}")))?;
    let code = engine.precompile_component(&component).map_err(|error| {
        if error.is::<OutOfMemory>() { Problem::Memory } else { Problem::Refused(format!("{error:#}")) }
    })?;
    if code.len() as u64 > limits.code {
        return Err(Problem::TooMuchCode);
    }
    let mut output = io::stdout().lock();
    output
        .write_all(&code)
        .and_then(|()| output.flush())
        .map_err(|error| failed("write the machine code", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_go_through_a_command_line() {
        let limits = ChildLimits { memory: 1 << 30, cpu_seconds: 60, code: 7 };
        assert_eq!(limits.to_string().parse::<ChildLimits>().unwrap(), limits);
        for bad in ["", "1:2", "1:2:3:4", "1:2:x", "-1:2:3", "1:2:99999999999999999999"] {
            assert!(bad.parse::<ChildLimits>().is_err(), "{bad}");
        }
    }
}
