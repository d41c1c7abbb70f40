//! What has to be looked up before a Restore can be judged: the backups that it may mean, the locations, and its resource modifier.
//!
//! What is wrong with one of them is a finding, and the Restore fails validation; an API server that does not answer is an error.

use std::sync::Arc;

use kube::ResourceExt;
use lateen_actions::Modifier;
use lateen_api::v1::{Backup, Restore};
use lateen_api::{labels, names};
use lateen_core::restore::order::{ParsePrioritiesError, Priorities};
use lateen_core::restore::request::{Defaults, Observed, RestoreRequest, Source, modifier_of};

use super::modifier;
use crate::context::Context;
use crate::location;

/// The backup that was chosen.
pub(super) fn backup_of(observed: &Observed, request: &RestoreRequest) -> Backup {
    let found = observed.backups.iter().find(|backup| backup.name_any() == request.backup_name);
    found.cloned().unwrap_or_default()
}

/// What a decision about a Restore needs.
pub(super) type Found = (Observed, Option<Arc<Modifier>>, Defaults);

/// Looks up what decides about a Restore. An error is one of asking, and worth another try.
pub(super) async fn observe(
    context: &Context,
    restore: &Restore,
) -> Result<Found, Box<dyn std::error::Error + Send + Sync>> {
    let backups = match Source::of(restore) {
        Source::Backup(name) => context.api::<Backup>().get_opt(&name).await?.into_iter().collect(),
        Source::Schedule(name) => {
            let selector = format!("{}={}", labels::SCHEDULE_NAME, names::valid_name(&name));
            context.list::<Backup>(&selector).await?
        }
        Source::Unclear => Vec::new(),
    };
    let locations = location::all_checked(context).await?;
    let (modifier, modifier_faults) = match modifier_of(&restore.spec) {
        Some(name) => match modifier::load(context, name).await? {
            Ok(modifier) => (Some(modifier), Vec::new()),
            Err(fault) => (None, vec![fault]),
        },
        None => (None, Vec::new()),
    };
    let defaults = Defaults {
        item_operation_timeout: context.options.item_operation_timeout,
        priorities: priorities(context)?,
    };
    Ok((Observed { backups, locations, modifier_faults }, modifier, defaults))
}

fn priorities(context: &Context) -> Result<Priorities, ParsePrioritiesError> {
    context.options.restore_priorities.as_deref().map_or_else(|| Ok(Priorities::default()), str::parse)
}
