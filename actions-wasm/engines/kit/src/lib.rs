//! What Lateen's script engines have in common, so that an engine is three things: compile a script, run it, convert values.
//!
//! A language implements [`Engine`] and says [`export_engine!`]; the kit speaks the contract with the host for it. The engine reaches the host through the
//! trait [`Host`], which makes it testable outside WebAssembly ([`recorded`] with the feature `testing`).
//!
//! Where a language returns whole objects, [`diff`](diff::diff) compares what the engine parsed with what came out. Whatever the language did to
//! numbers and key order on the way in happened to both sides and cancels out: the host applies a patch that names only what the script changed.
//!
//! An engine built with the kit keeps nothing between two calls but the compiled script, and never decides what a script may do: rights, limits and
//! selectors are the host's.

#[cfg(feature = "testing")]
pub mod arbitrary;
#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "testing")]
pub mod cases;
pub mod diff;
pub mod engine;
mod exports;
pub mod facts;
pub mod host;
#[doc(hidden)]
pub mod instance;
pub mod location;
pub mod patch;
#[cfg(any(test, feature = "testing"))]
pub mod recorded;
pub mod resource;
pub mod verdict;

pub use bindings::{
    exports::lateen::item_action::action::Role,
    lateen::item_action::{
        cluster_types::{Failure, Reason},
        context::{Purpose, Run, Stage, Subject},
        journal::Level,
        types::{Identity, ObjectRef},
    },
};
pub use diff::{Node, Shape, diff};
pub use engine::{Engine, Scene, Script};
pub use host::Host;
pub use location::{Position, located};
pub use patch::Patch;
pub use verdict::{Change, Verdict};
