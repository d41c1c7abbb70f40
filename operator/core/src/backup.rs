//! The decisions of a backup: what was asked for, which kinds are listed, which items are taken, and how the run ended.

pub mod collection;
pub mod filter;
pub mod outcome;
pub mod queue;
pub mod request;
pub mod side_files;
pub mod tally;
pub mod verdict;
