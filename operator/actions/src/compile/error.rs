//! Why there is no machine code. The texts are for the author of the component, behind "cannot compile the component: ".

use std::time::Duration;

/// Why a component could not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It is not a valid component, in the words of the validator.
    #[error("{0}")]
    Refused(String),
    /// The child used up its time on the processor.
    #[error(
        "it took more than {} of processor time; is there generated code in it, with functions of hundreds of kilobytes?",
        seconds(*.0)
    )]
    CpuTime(Duration),
    /// The child was not ready in time, however little of it was spent on the processor.
    #[error("it took longer than {}; is this machine very busy, or is there generated code in it, with huge functions?", seconds(*.0))]
    WallTime(Duration),
    /// The child used up its memory.
    #[error(
        "it took more than {} MiB of memory; is there generated code in it, with functions of hundreds of kilobytes, or with thousands of locals?",
        limit >> 20
    )]
    Memory {
        /// What it had, in bytes.
        limit: u64,
    },
    /// The child used up its memory, which was less than it might have had.
    #[error("it took more than {} MiB of memory, all that the server's own limit leaves at the moment; give the server more memory", left >> 20)]
    LittleMemory {
        /// What it had, in bytes.
        left: u64,
    },
    /// The compiler went too deep.
    #[error("the compiler ran out of stack; is there code in it that nests thousands of levels deep?")]
    Stack,
    /// More machine code than is taken.
    #[error("it makes more than {} MiB of machine code", .0 >> 20)]
    TooMuchCode(u64),
    /// The child was killed by somebody else.
    #[error("the compiler was killed, most likely because the machine ran out of memory")]
    Killed,
    /// The child could not be started or talked to.
    #[error("the compiler does not start: {0}")]
    Start(String),
    /// The child ended in a way that says nothing about the component.
    #[error("the compiler failed: {0}")]
    Failed(String),
    /// What the compiler made cannot be loaded.
    #[error("the machine code does not load: {0}")]
    Broken(String),
    /// The server shuts down.
    #[error("the server is shutting down")]
    Cancelled,
}

impl CompileError {
    /// Whether the same bytes on the same server will end like this again, so that trying is a waste.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::CpuTime(_)
            | Self::Memory { .. }
            | Self::Stack
            | Self::TooMuchCode(_) => true,
            Self::WallTime(_)
            | Self::LittleMemory { .. }
            | Self::Killed
            | Self::Start(_)
            | Self::Failed(_)
            | Self::Broken(_)
            | Self::Cancelled => false,
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
