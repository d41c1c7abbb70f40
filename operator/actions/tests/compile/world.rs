//! Hosts that compile in a child, and a small component.

use std::{path::PathBuf, sync::Arc, time::Duration};

use lateen_actions::{
    ActionHost, HostOptions,
    compile::{ChildCompiler, CompileLimits, CompileOptions, Compiler},
};

/// An executable that compiles as the server does.
pub(crate) const CHILD: &str = env!("CARGO_BIN_EXE_lateen-compile-child");

/// A component without anything in it.
pub(crate) const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// Enough for any honest component here, and little enough that a test ends soon.
pub(crate) fn limits() -> CompileLimits {
    CompileLimits {
        memory: 256 << 20,
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(30),
        code: 4 << 20,
    }
}

pub(crate) fn child(executable: impl Into<PathBuf>, limits: CompileLimits) -> CompileOptions {
    let compiler = Compiler::Child(ChildCompiler { executable: executable.into(), limits });
    CompileOptions { compiler, ..CompileOptions::default() }
}

pub(crate) fn host(compile: CompileOptions) -> Arc<ActionHost> {
    ActionHost::new(HostOptions { compile, ..HostOptions::default() }).unwrap()
}

/// A host whose child has these limits.
pub(crate) fn host_with(limits: CompileLimits) -> Arc<ActionHost> {
    host(child(CHILD, limits))
}
