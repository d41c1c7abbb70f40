//! Decisions of a restore: from the CR and the archive to a plan, and for each item what is changed, kept and told.
//!
//! A run goes through the modules in this order: [`request`] reads and completes the CR, [`plan`] lays out the whole run from the
//! archive's index and the cluster's catalog, and for each item [`completed`], [`volumes`] and [`reset`] make the object that is created
//! (rules of single kinds are item actions), [`existing`] decides about one that is there already, [`outcome`] keeps the record and names the phase.
//!
//! Nothing here asks a cluster or reads a file: what only the cluster can answer comes in as an argument.

pub mod completed;
pub mod created_claims;
pub mod existing;
pub mod operations;
pub mod order;
pub mod outcome;
pub mod plan;
pub mod preview;
pub mod request;
pub mod reset;
pub mod scope;
pub mod versions;
pub mod volumes;
