//! The store's tests: one suite that every kind of location passes, what happens when an S3 server misbehaves, and the messages
//! of configurations that are refused.
//!
//! Buckets are served by an S3 server inside the test process, over real HTTP with real signatures. With the environment variable
//! `LATEEN_TEST_S3` set to the URL of another server (keys `lateen` / `lateen-secret`, buckets are created by path) the suite runs
//! against that one.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod bucket;
mod configuration;
mod conformance;
mod faults;
mod scene;
