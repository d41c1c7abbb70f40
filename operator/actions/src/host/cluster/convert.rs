//! Between the types that the contract generates and those of [`crate::cluster_access`].

use super::super::bindings::lateen::item_action::{
    cluster::Served,
    cluster_types::{Failure, Reason as ContractReason},
    cluster_write::{self, DeleteOptions},
};
use crate::cluster_access::{ClusterDelete, ClusterFailure, ClusterServed, Propagation, Reason};

impl From<ClusterFailure> for Failure {
    fn from(ClusterFailure { reason, code, message }: ClusterFailure) -> Self {
        let reason = match reason {
            Reason::NotGranted => ContractReason::NotGranted,
            Reason::Forbidden => ContractReason::Forbidden,
            Reason::NotFound => ContractReason::NotFound,
            Reason::AlreadyExists => ContractReason::AlreadyExists,
            Reason::Conflict => ContractReason::Conflict,
            Reason::Invalid => ContractReason::Invalid,
            Reason::Expired => ContractReason::Expired,
            Reason::TooLarge => ContractReason::TooLarge,
            Reason::Exhausted => ContractReason::Exhausted,
            Reason::TimedOut => ContractReason::TimedOut,
            Reason::Cancelled => ContractReason::Cancelled,
            Reason::Unavailable => ContractReason::Unavailable,
            Reason::Other => ContractReason::Other,
        };
        Self { reason, code, message }
    }
}

impl From<ClusterServed> for Served {
    fn from(served: ClusterServed) -> Self {
        let ClusterServed { version, resource, kind, namespaced, preferred } = served;
        Self { version, resource, kind, namespaced, preferred }
    }
}

impl From<DeleteOptions> for ClusterDelete {
    fn from(DeleteOptions { propagation, uid }: DeleteOptions) -> Self {
        let propagation = match propagation {
            cluster_write::Propagation::Background => Propagation::Background,
            cluster_write::Propagation::Foreground => Propagation::Foreground,
            cluster_write::Propagation::Orphan => Propagation::Orphan,
        };
        Self { propagation, uid }
    }
}
