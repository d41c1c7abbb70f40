//! What the server brings along: components that are part of its binary, and the manifests of its own actions.
//!
//! The caller hands it in; this crate embeds nothing and runs without.

use std::{fmt, sync::Arc};

/// Components and manifests that need no ConfigMap.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// By name: the engines of scripts (`jq`, `cel`, `javascript`), `builtin`, which the manifests here use, and `resource-modifiers`, which takes the rules
    /// of a Restore's resource modifier for its script.
    pub components: Vec<LibraryComponent>,
    /// The manifests of the server's own actions, in the order in which they are called: before all others. They say `component: builtin`, and what they
    /// grant needs no flag of the server.
    pub manifests: Vec<String>,
}

/// A component inside the server.
#[derive(Clone)]
pub struct LibraryComponent {
    /// `jq`, `cel`, `javascript`, `builtin` or `resource-modifiers`.
    pub name: String,
    /// Of the unpacked bytes.
    pub sha256: [u8; 32],
    /// Makes the bytes; called only where it has not been compiled before.
    pub unpack: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
}

/// The name of the component that manifests of the library mean by `component: builtin`.
pub(crate) const BUILT_IN: &str = "builtin";

/// The name of the component that runs the rules of resource modifiers.
pub(crate) const RESOURCE_MODIFIERS: &str = "resource-modifiers";

impl Library {
    pub(crate) fn component(&self, name: &str) -> Option<&LibraryComponent> {
        self.components.iter().find(|component| component.name == name)
    }
}

impl fmt::Debug for LibraryComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sha256, unpack: _ } = self;
        f.debug_struct("LibraryComponent").field("name", name).field("sha256", &hex::encode(sha256)).finish()
    }
}
