//! Machine code, and the one place where bytes become code that runs.
//!
//! A value of [`MachineCode`] is a proof of where its bytes come from. There are three ways to one, all in this file: the compiler of this process,
//! the output of a child of this process, and bytes under a seal that was made with the key of this installation.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use wasmtime::{Engine, component::Component};

use super::{error::CompileError, process::ChildOutput};
use crate::source::Sha;

/// An HMAC-SHA256.
pub(super) type Seal = [u8; 32];

/// What a seal binds the code to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    /// Format of what is kept.
    pub(super) version: u32,
    /// SHA-256 of the component.
    pub(super) digest: &'a Sha,
    /// Of the engine that made the code.
    pub(super) compatibility: &'a Sha,
}

/// Code that this engine, or one like it, has made.
pub(super) struct MachineCode(Vec<u8>);

impl MachineCode {
    /// Compiles here and now.
    pub(super) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Self, CompileError> {
        engine
            .precompile_component(bytes)
            .map(Self)
            .map_err(|error| CompileError::Refused(format!("{error:#}")))
    }

    /// What our child wrote into our pipe.
    pub(super) fn from_child(output: ChildOutput) -> Self {
        Self(output.into_bytes())
    }

    /// Bytes of unknown origin, if the seal is the one that [`MachineCode::seal`] gave them.
    pub(super) fn open(key: &hmac::Key, identity: Identity<'_>, seal: &[u8], bytes: Vec<u8>) -> Option<Self> {
        verify_slices_are_equal(seal, &compute(key, identity, &bytes)).ok()?;
        Some(Self(bytes))
    }

    /// The seal by which this code will be known again.
    pub(super) fn seal(&self, key: &hmac::Key, identity: Identity<'_>) -> Seal {
        compute(key, identity, &self.0)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes a component of the code. Fails if the engine is not set up like the one that made it.
    #[allow(unsafe_code)]
    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` wants bytes that `Engine::precompile_component` has made, unchanged. The field is private, and there are three ways
        // to fill it.
        // 1. `compile` takes the result of that very function.
        // 2. `from_child` takes a `ChildOutput`, which only `process.rs` makes: all that a child wrote to a pipe that nobody else has an end of, and
        //    only if the child then ended with success. The child is the executable that the options of the host name, by default the one that runs
        //    here, and in `child.rs` it writes the result of that function and nothing else. A component that turned a fault of the compiler into
        //    control over the child could write what it likes: it could do the same in this process, if it were compiled here, so what is loaded
        //    is trusted as far as Cranelift is, and not further.
        // 3. `open` checks an HMAC over all the bytes, in the same memory that is loaded here and not in the file. The key is a Secret of the
        //    installation and lies nowhere near the cache; the only code that seals with it is `seal`, on a value that came about in one of these
        //    three ways. The HMAC binds the code to the digest of its component, so entries cannot be swapped, and to the engine that made it.
        // The bytes are copied by `deserialize` and cannot change while they run. That they were made by the same version of wasmtime, with the same
        // settings and for the features of this processor, `deserialize` checks itself.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

/// All parts before the bytes have a fixed length: no two inputs give the same sequence.
fn compute(key: &hmac::Key, identity: Identity<'_>, bytes: &[u8]) -> Seal {
    let mut context = hmac::Context::with_key(key);
    context.update(&identity.version.to_le_bytes());
    context.update(identity.digest);
    context.update(identity.compatibility);
    context.update(bytes);
    let mut seal = Seal::default();
    seal.copy_from_slice(context.sign().as_ref());
    seal
}
