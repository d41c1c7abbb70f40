//! Compiling in a child process, and the cache of what came out: with a child as the server is one, and with components that mean harm.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap like tests do")]

mod bombs;
mod cache;
mod children;
mod hostile;
mod world;
