//! Integration tests: what only the whole can show. All tests of a run share one throwaway control plane and use namespaces of their own.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap like tests do")]

mod action;
mod action_access;
mod action_requests;
mod archive_layout;
mod backup_cases;
mod backup_restore;
mod chart;
mod cluster;
mod compile;
mod crds;
mod downloads;
mod fixtures;
mod gate;
mod group_down;
mod hooks;
mod hostile_archives;
mod interop;
mod interrupted;
mod layering;
mod operations;
mod recordings;
mod redaction;
mod restore_cases;
mod restore_hooks;
mod restore_killed;
mod restore_operations;
mod restore_plan;
mod scale;
mod schedule;
mod script_action;
mod strategic_patches;
mod velero_bucket;
mod world;
