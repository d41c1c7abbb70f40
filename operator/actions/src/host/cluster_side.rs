//! What an instance may ask of the cluster, and what its call has had of it: rules and budgets, without a single request.

use std::sync::Arc;

use crate::{
    cluster_access::{ClusterFailure, Reason},
    limits,
    manifest::{ClusterCeiling, ClusterRules, Manifest},
    masking::Mask,
};

/// What an instance may ask of the cluster, and what the call has had of it.
pub(crate) struct ClusterSide {
    pub(super) rules: ClusterRules,
    pub(super) ceiling: Arc<ClusterCeiling>,
    pub(super) built_in: bool,
    pub(super) field_manager: String,
    /// A call about an item or an operation is under way, not `configure`.
    pub(super) in_call: bool,
    requests: u32,
    bytes: usize,
    /// Values of Secrets that the call has read.
    pub(super) seen: Mask,
}

impl ClusterSide {
    pub(super) fn new(manifest: &Manifest, ceiling: Arc<ClusterCeiling>, built_in: bool) -> Self {
        let mut field_manager = format!("lateen/{}", manifest.name);
        field_manager.truncate(field_manager.floor_char_boundary(limits::FIELD_MANAGER));
        Self {
            rules: manifest.capabilities.cluster.clone(),
            ceiling,
            built_in,
            field_manager,
            in_call: false,
            requests: 0,
            bytes: 0,
            seen: Mask::default(),
        }
    }

    /// Begins a call.
    pub(super) fn arm(&mut self) {
        self.in_call = true;
        self.requests = 0;
        self.bytes = 0;
        self.seen = Mask::default();
    }

    /// Values of Secrets that the call has read.
    pub(super) fn seen(&self) -> &Mask {
        &self.seen
    }

    /// A text of the call without them.
    pub(super) fn mask(&self, text: &str) -> String {
        self.seen.apply(text)
    }

    pub(super) fn count_request(&mut self) -> Result<(), ClusterFailure> {
        if self.requests >= limits::CLUSTER_REQUESTS {
            let message = format!("the call has made {} requests, and that is all", limits::CLUSTER_REQUESTS);
            return Err(ClusterFailure::new(Reason::Exhausted, message));
        }
        self.requests += 1;
        self.count_bytes(0)
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) -> Result<(), ClusterFailure> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > limits::CLUSTER_ANSWERS {
            let message =
                format!("the call has had {} MiB of answers, and that is all", limits::CLUSTER_ANSWERS >> 20);
            return Err(ClusterFailure::new(Reason::Exhausted, message));
        }
        Ok(())
    }
}
