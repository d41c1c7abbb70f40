//! The namespaces of a restore: each is made or found once, whoever needs it first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Target namespaces, and whether they can be used.
#[derive(Default)]
pub(super) struct Namespaces(Mutex<HashMap<String, Arc<OnceCell<bool>>>>);

impl Namespaces {
    /// Whether the namespace can be used: what `make` says, which is run for the first who asks; all others wait for it.
    pub(super) async fn once(&self, target: &str, make: impl Future<Output = bool>) -> bool {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(target.to_owned()).or_default())
        };
        *cell.get_or_init(|| make).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_namespace_is_made_once() {
        let namespaces = Namespaces::default();
        assert!(!namespaces.once("a", async { false }).await);
        assert!(!namespaces.once("a", async { unreachable!("it was asked before") }).await);
        assert!(namespaces.once("b", async { true }).await);
    }
}
