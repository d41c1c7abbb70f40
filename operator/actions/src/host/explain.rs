//! What a trap was about, in words for the author of the action.

use std::str::Utf8Error;

use wasmtime::Trap;

use super::{budget::OutOfTime, component::chain, state::State};
use crate::limits;

/// One line.
pub(super) fn explain(error: &wasmtime::Error, state: &State) -> String {
    if let Some(out_of_time) = error.downcast_ref::<OutOfTime>() {
        return out_of_time.to_string();
    }
    let trap = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            format!("guest code used more than {} MiB of stack", limits::WASM_STACK >> 20)
        }
        // The stack of compiled languages lies at the lower end of the memory.
        Some(Trap::MemoryOutOfBounds) => {
            "guest code trapped: it reached outside its memory, as endless recursion does".to_owned()
        }
        Some(Trap::UnreachableCodeReached) => "guest code trapped: a panic, or an abort".to_owned(),
        Some(trap) => format!("guest code trapped: {trap}"),
        None if error.is::<Utf8Error>() => {
            format!("the guest handed over a text that is not UTF-8: {}", error.root_cause())
        }
        None => match chain(error) {
            // wasmtime has no type of its own for this.
            text if text.contains("fuel allocated for hostcalls") => {
                format!("the guest handed over more than {} MiB at once", limits::CROSSING >> 20)
            }
            text => text,
        },
    };
    match state.memory.refused {
        Some(refused) => format!("{trap}, after it was refused {}", refused.describe(state.memory.limit())),
        None => trap,
    }
}

/// A call that did not end in time, whatever it did.
pub(super) fn out_of_wall_time() -> String {
    format!("the call took longer than {:?} with all waiting in it", limits::CALL_WALL_TIME)
}
