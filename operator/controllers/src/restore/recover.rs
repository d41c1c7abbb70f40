//! Restores that a server before this one left in the middle: ended as what they are.
//!
//! What had been created stays, and is recognised by its label; the rest was not restored. A run that had come to its end and only not
//! said so is said to have ended.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_api::labels::annotations;
use lateen_api::v1::{Restore, RestorePhase};
use lateen_cluster::resource::patch_checked;
use lateen_core::restore::outcome::after_finalizing;
use lateen_core::run_record::{Found, RunRecord};

use super::run::end;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::run_status::record_of;

/// Ends every Restore that is in the middle of a run which is not this process's.
pub(super) async fn end_interrupted(context: &Context, restores: impl Iterator<Item = &Arc<Restore>>) {
    for seen in restores {
        let mut changed = Restore::clone(seen);
        if let Some(last) = after_finalizing(seen.phase(), 0) {
            end(&mut changed, last);
        } else if *seen.phase() == RestorePhase::InProgress {
            let record = record_of(seen.as_ref());
            let Found::Interrupted { reason } =
                RunRecord::found(record.as_ref(), "InProgress", &context.leader)
            else {
                continue;
            };
            tracing::warn!(restore = seen.name_any(), reason, "an interrupted restore was ended");
            let status = changed.status.get_or_insert_default();
            status.phase = Some(RestorePhase::Failed);
            status.failure_reason = reason;
            status.completion_timestamp = Some(Time(Timestamp::now()));
            changed.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
        } else {
            continue;
        }
        if let Err(error) = patch_checked(&context.api(), seen.as_ref(), &changed).await {
            tracing::warn!(
                restore = seen.name_any(),
                error = error_chain(&error),
                "cannot write down how an interrupted restore ended"
            );
        }
    }
}
