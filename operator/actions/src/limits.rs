//! Every limit of the host, in one place.
//!
//! The same numbers stand in the header of the contract (`wit/v0.2`), where authors look for them.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How often the engine's epoch moves on, and so how exactly guest time is measured: 100 ticks are the second that a call may take.
pub const TICK: Duration = Duration::from_millis(10);

/// Guest code per call. A Rust action takes some 10 us for an item of 3 KB, a script engine 200 us; a second is a mistake.
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

/// Linear memory of all guests of the process together: eight workers with one engine each and room for one action that asks for the ceiling.
pub const PROCESS_MEMORY: usize = 1024 * MIB;

/// Calls of the host in one call of the guest: a hundred for each of a thousand objects. The cheapest takes 0.1 us, so all of them together 10 ms.
pub const HOST_CALLS: u32 = 100_000;

/// Guest time after a run was cancelled, for a guest that cleans up.
pub const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// An operation's id, which goes into annotations and file names of nobody, but into the list of operations of the run.
pub const OPERATION_ID: usize = 512;

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

/// A component after unpacking. A ConfigMap holds 1 MiB, and packing makes code 3 to 5 times smaller; twice that.
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
/// A component as it is delivered, all chunks together: packing does not make it larger, save for a few bytes.
pub const PACKED: usize = COMPONENT + 64 * KIB;

/// ConfigMaps that a component may be spread over: ten of 1 MiB hold all that fits, and some may be half full.
pub const CHUNKS: u32 = 20;

/// History that unpacking keeps, as a power of two: 16 MiB, the first above the largest component.
pub const UNPACK_WINDOW_LOG: u32 = 24;

/// A script: 5,000 long lines, a quarter of what a ConfigMap holds.
pub const SCRIPT: usize = 256 * KIB;

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

/// Entries of a catalog that are shown: Velero's built-in actions are 26.
pub const CATALOG: usize = 1000;

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

/// Requests to the cluster in one call.
pub const CLUSTER_REQUESTS: u32 = 100;

/// One answer of the cluster, as the guest gets it: twice the largest object.
pub const CLUSTER_ANSWER: usize = 4 * MIB;

/// The same answer as the API server writes it: `managedFields`, which are left out, can be as long as all the rest.
pub const CLUSTER_RAW_ANSWER: usize = 2 * CLUSTER_ANSWER;

/// All answers of one call: eight of the largest.
pub const CLUSTER_ANSWERS: usize = 32 * MIB;

/// One request to the cluster, with all retries: three of them fit into a call.
pub const CLUSTER_REQUEST_TIME: Duration = Duration::from_secs(10);

/// Objects on one page of a list.
pub const CLUSTER_PAGE: u32 = 500;

/// A selector, a continue token, a name: what the API server takes in a URL, several times over.
pub const CLUSTER_TEXT: usize = 8 * KIB;

/// How long the instances of an action share what one of them has listed.
pub const CLUSTER_LIST_AGE: Duration = Duration::from_secs(30);

/// Lists that are kept for one action of one run: four of the largest answers.
pub const CLUSTER_LISTS: usize = 16 * MIB;

/// Queries whose lists are kept for one action of one run, however short the lists are.
pub const CLUSTER_QUERIES: usize = 256;

/// The longest name that the API server takes for a manager of fields.
pub const FIELD_MANAGER: usize = 128;

/// Values of Secrets that are looked for in a text. 100 Secrets with 10 keys each have 2,000, encoded and decoded; with more than this the whole text is
/// masked.
pub const MASKED_VALUES: usize = 10_000;

/// The part of a text that is searched for them: four times what of it is kept. 10,000 x 16 KiB take some 30 ms.
pub const MASK_WINDOW: usize = 4 * LOG_LINE;

/// Calls of one instance before it is replaced, so that slow leaks and old state have an end.
pub const INSTANCE_CALLS: u32 = 1000;

/// Traps of an action in a run before it is not called again in it.
pub const TRAPS: u32 = 3;

/// The size that a change to an item of `item` bytes may have, and the item after it.
pub const fn change(item: usize) -> usize {
    2 * item + CHANGE_BASE
}
