//! The decisions of a backup: what was asked for, which kinds are listed, which items are taken, and how the run ended.

pub mod argocd;
pub mod collection;
pub mod filter;
pub mod operations;
pub mod ordered;
pub mod outcome;
pub mod places;
pub mod policies;
pub mod queue;
pub mod request;
#[cfg(test)]
mod selection;
pub mod side_files;
pub mod tally;
pub mod verdict;
pub mod volumes;
