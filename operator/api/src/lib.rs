//! The API types of velero.io and the names that go with them.
//!
//! This crate is the wire: the thirteen kinds of group `velero.io` ([`v1`], [`v2alpha1`]) with the encoding that Go programs expect, the
//! CustomResourceDefinitions made from them ([`crds()`]), the labels, annotations and finalizers that tie objects together ([`labels`]),
//! and the two ways in which an object of somebody else may be changed without losing what these types do not know: a merge patch
//! ([`merge_patch`]) for the API server, a [`document::Document`] for a file.
//!
//! It never talks to a cluster, asks no clock, and defaults nothing: a field that was not set reads as not set.

// Clippy takes the columns of `kube(printcolumn(...))` for repetitions of one attribute.
#![allow(clippy::duplicated_attributes)]

mod crds;
pub mod document;
pub mod duration;
mod encoding;
pub mod item_actions;
pub mod labels;
pub mod names;
mod patch;
mod schema;
pub mod v1;
pub mod v2alpha1;

pub use crds::{crds, crds_yaml};

pub use document::Document;
pub use duration::GoDuration;
pub use patch::{fenced_merge_patch, merge_patch, patch_between};

/// The API group of all kinds in this crate.
pub const GROUP: &str = "velero.io";
