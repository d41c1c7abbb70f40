//! How large what `pack` writes may be.

/// What a ConfigMap may hold, by the API server's validation.
pub(crate) const CONFIGMAP: usize = 1 << 20;

/// Bytes of a component in one ConfigMap: base64 makes exactly 1 MiB of them, which with everything around stays below the 1.5 MiB of a request.
pub(crate) const CHUNK: usize = 768 << 10;

/// The other end: 10 MiB in chunks of this size are what is still bearable as files.
pub(crate) const SMALLEST_CHUNK: usize = 1 << 10;
