//! Every limit of the host, in one place.
//!
//! The same numbers stand in the header of the contract (`wit/v0.1/types.wit`), where authors look for them.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How often the engine's epoch moves on, and so how exactly guest time is measured: 100 ticks are the second that a call may take.
pub const TICK: Duration = Duration::from_millis(10);

/// Guest code per call. A Rust action takes some 10 us for an item of 3 KB, a script engine 500 us; a second is a mistake.
pub const CALL_TIME: Duration = Duration::from_secs(1);

/// Guest code of instantiation and `configure` together: a Python component takes 1 to 2 s to begin.
pub const START_TIME: Duration = Duration::from_secs(5);

/// A whole call with all waiting in it, so that a worker never hangs on an action.
pub const CALL_WALL_TIME: Duration = Duration::from_secs(30);

/// Linear memory of an instance, all memories together. 30 x an item of 3 MiB as text, parsed and written again, with room for an interpreter.
pub const MEMORY: usize = 128 * MIB;

/// What a manifest may ask for, unless the server says otherwise: 4 x the default.
pub const MEMORY_CEILING: usize = 4 * MEMORY;

/// What a manifest may ask for per call, unless the server says otherwise: still well below the time of the whole call.
pub const CALL_TIME_CEILING: Duration = Duration::from_secs(10);

/// Elements over all tables: the largest engine measured has 9,000 functions; 8 bytes each make 160 KB.
pub const TABLE_ELEMENTS: usize = 20_000;

/// Core instances in a component: wit-component makes 3 or 4, an adapter adds a few.
pub const CORE_INSTANCES: usize = 64;

/// Linear memories in a component; each reserves address space (4 GiB and its guards).
pub const MEMORIES: usize = 8;

/// Tables in a component.
pub const TABLES: usize = 64;

/// Stack of guest code: Starlark needs 1 MiB for 100 levels of JSON.
pub const WASM_STACK: usize = 2 * MIB;

/// Stack of the fibre that guest code runs on: the guest's own, and as much again for the host's functions that it calls.
pub const FIBRE_STACK: usize = 2 * WASM_STACK;

/// A component after unpacking. A ConfigMap holds 1 MiB, and gzip makes code 3 to 5 times smaller; twice that.
pub const COMPONENT: usize = 10 * MIB;

/// Memory of a child that compiles: an engine for jq, a component of 2.3 MB, takes less than 64 MiB; 24 times that.
pub const COMPILE_MEMORY: u64 = 1536 << 20;

/// What a container has to have left for a child to be started at all: enough for a small action, a component of 110 KB.
pub const COMPILE_LEAST: u64 = 32 << 20;

/// What a child leaves alone of that: a page of a list and the parts of an upload of the runs that go on meanwhile.
pub const COMPILE_RESERVE: u64 = 64 << 20;

/// Time on the processor of a child that compiles: that engine is ready after less than 10 s, with a compiler built for debugging.
pub const COMPILE_CPU: Duration = Duration::from_mins(1);

/// From the start of a child to its end: half a core is enough for the time above.
pub const COMPILE_WALL: Duration = Duration::from_mins(2);

/// Machine code of a component: 3 times the component for the engines measured, and the largest component has 10 MiB; twice that.
pub const COMPILE_CODE: u64 = 64 << 20;

/// Machine code on disk: 8 of the largest, or some hundred of the usual ones.
pub const COMPILE_CACHE: u64 = 512 << 20;

/// The manifest: 100 times what a long one takes.
pub const MANIFEST: usize = 64 * KIB;

/// An item as JSON: etcd takes 1.5 MiB, and JSON text may be twice that.
pub const ITEM: usize = 3 * MIB;

/// Levels of nesting in an item, before and after a change; serde_json, on both sides, stops at 128.
pub const DEPTH: usize = 100;

/// What a change may add to twice the item, in its text and in what it makes of the item.
pub const CHANGE_BASE: usize = MIB;

/// Operations of a JSON patch.
pub const PATCH_OPERATIONS: usize = 1000;

/// Related objects of one call.
pub const RELATED: usize = 1000;

/// One line of log.
pub const LOG_LINE: usize = 4 * KIB;

/// The log of one call: 16 of the longest lines.
pub const LOG_CALL: usize = 64 * KIB;

/// The log of one action in one run.
pub const LOG_RUN: usize = MIB;

/// The text of an error or of a reason to skip.
pub const REASON: usize = 4 * KIB;

/// Bytes that cross from the guest in one go: the largest change (2 x 3 + 1 MiB) and 1,000 related objects with names of 253 + 63 + 253 + 63 bytes.
pub const CROSSING: usize = change(ITEM) + MIB;

/// Calls of one instance before it is replaced, so that slow leaks and old state have an end.
pub const INSTANCE_CALLS: u32 = 1000;

/// Traps of an action in a run before it is not called again in it.
pub const TRAPS: u32 = 3;

/// The size that a change to an item of `item` bytes may have, and the item after it.
pub const fn change(item: usize) -> usize {
    2 * item + CHANGE_BASE
}
