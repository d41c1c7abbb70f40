//! Schedules: the pure crate decides, this one obeys.
//!
//! A due Backup is created under a name made from the time; `status.lastBackup` is written after it. Should the server end between the
//! two, the next look finds the Backup of the present second there or makes one more; it never misses one silently.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::ResourceExt;
use kube::api::PostParams;
use lateen_api::v1::{Backup, BackupPhase, Schedule, SchedulePhase};
use lateen_api::{labels, names};
use lateen_cluster::resource::{patch_checked, patch_retrying};
use lateen_cluster::watch::watch;
use lateen_schedules::{Decision, ScheduleView, ServerDefaults, backup_name, due};

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;

/// How often it is looked whether a schedule is due. Expressions know no seconds, so this is at most that late.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Makes backups from schedules until the server shuts down.
pub async fn control(context: Context) {
    let mut events = std::pin::pin!(watch::<Schedule>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<Schedule>::default();
    // Without a zone of its own in the expression, a schedule runs by UTC: the same everywhere, whatever image the server runs in.
    let defaults =
        ServerDefaults { skip_immediately: context.options.schedule_skip_immediately, zone: TimeZone::UTC };
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            Some(told) = events.next() => known.take_in(told),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !known.is_complete() {
            continue;
        }
        let schedules: Vec<_> =
            known.all().filter(|s| s.metadata.deletion_timestamp.is_none()).cloned().collect();
        for schedule in schedules {
            obey(&context, &defaults, &schedule, Timestamp::now()).await;
        }
    }
}

async fn obey(context: &Context, defaults: &ServerDefaults, schedule: &Schedule, now: Timestamp) {
    let status = schedule.status.as_ref();
    let time = |time: Option<&Time>| time.map(|t| t.0);
    let view = ScheduleView {
        expression: &schedule.spec.schedule,
        paused: schedule.spec.paused,
        skip_immediately: schedule.spec.skip_immediately,
        created: schedule.creation_timestamp().map_or(now, |t| t.0),
        last_backup: time(status.and_then(|s| s.last_backup.as_ref())),
        last_skipped: time(status.and_then(|s| s.last_skipped.as_ref())),
    };
    match due(&view, defaults, now) {
        Decision::Paused => {}
        Decision::Invalid { errors } => {
            set_phase(context, schedule, SchedulePhase::FailedValidation, errors).await;
        }
        Decision::NotDue { .. } => set_phase(context, schedule, SchedulePhase::Enabled, Vec::new()).await,
        Decision::SkipNow => skip(context, schedule, now).await,
        Decision::Due { .. } => {
            set_phase(context, schedule, SchedulePhase::Enabled, Vec::new()).await;
            make_backup(context, schedule, now).await;
        }
    }
}

/// Writes phase and errors down, if they are new.
async fn set_phase(context: &Context, schedule: &Schedule, phase: SchedulePhase, errors: Vec<String>) {
    let mut changed = schedule.clone();
    // What was decided by the server's flag is written down, so that a change of the flag does not decide it again.
    changed.spec.skip_immediately.get_or_insert(context.options.schedule_skip_immediately);
    let status = changed.status.get_or_insert_default();
    status.phase = Some(phase);
    status.validation_errors = errors;
    write(context, schedule, &changed).await;
}

async fn skip(context: &Context, schedule: &Schedule, now: Timestamp) {
    let mut changed = schedule.clone();
    changed.spec.skip_immediately = Some(false);
    let status = changed.status.get_or_insert_default();
    status.phase = Some(SchedulePhase::Enabled);
    status.last_skipped = Some(Time(now));
    write(context, schedule, &changed).await;
}

async fn write(context: &Context, schedule: &Schedule, changed: &Schedule) {
    if schedule == changed {
        return;
    }
    if let Err(error) = patch_checked(&context.api(), schedule, changed).await {
        tracing::debug!(
            schedule = schedule.name_any(),
            error = error_chain(&error),
            "the schedule was not patched"
        );
    }
}

async fn make_backup(context: &Context, schedule: &Schedule, now: Timestamp) {
    let name = schedule.name_any();
    match is_busy(context, &name).await {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => {
            tracing::warn!(
                schedule = name,
                error = error_chain(&error),
                "cannot tell whether a backup of the schedule is running"
            );
            return;
        }
    }
    let backup = backup_of(schedule, now);
    match context.api::<Backup>().create(&PostParams::default(), &backup).await {
        Ok(created) => {
            tracing::info!(schedule = name, backup = created.name_any(), "backup created by its schedule");
        }
        // Made at the end of an earlier look, whose note in the status was lost.
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => {
            tracing::warn!(
                schedule = name,
                error = error_chain(&error),
                "cannot create the backup of the schedule"
            );
            return;
        }
    }
    let api = context.api();
    let noted = patch_retrying(&api, &name, |current: &Schedule| {
        let mut changed = current.clone();
        changed.status.get_or_insert_default().last_backup = Some(Time(now));
        Some(changed)
    });
    if let Err(error) = noted.await {
        tracing::warn!(
            schedule = name,
            error = error_chain(&error),
            "cannot note the schedule's last backup"
        );
    }
}

/// Whether a backup of this schedule waits or runs.
async fn is_busy(context: &Context, schedule: &str) -> Result<bool, kube::Error> {
    let of_schedule = format!("{}={}", labels::SCHEDULE_NAME, names::valid_name(schedule));
    let backups = context.list::<Backup>(&of_schedule).await?;
    let busy = |b: &Backup| {
        use BackupPhase::{InProgress, New, Queued, ReadyToStart};
        matches!(b.phase(), New | Queued | ReadyToStart | InProgress)
    };
    Ok(backups.iter().any(busy))
}

/// The Backup that a schedule makes at a time.
fn backup_of(schedule: &Schedule, now: Timestamp) -> Backup {
    let mut backup =
        Backup::new(&backup_name(&schedule.name_any(), now, &TimeZone::UTC), schedule.spec.template.clone());
    backup.metadata.namespace.clone_from(&schedule.metadata.namespace);
    let template: &BTreeMap<String, String> = &schedule.spec.template.metadata.labels;
    let mut labels = if template.is_empty() { schedule.labels().clone() } else { template.clone() };
    labels.insert(labels::SCHEDULE_NAME.to_owned(), names::valid_name(&schedule.name_any()));
    backup.metadata.labels = Some(labels);
    let annotations = schedule.annotations();
    backup.metadata.annotations = (!annotations.is_empty()).then(|| annotations.clone());
    if let Some(policy) = &mut backup.spec.resource_policy {
        policy.api_group = None;
        "configmap".clone_into(&mut policy.kind);
    }
    if schedule.spec.use_owner_references_in_backup == Some(true) {
        backup.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "velero.io/v1".into(),
            kind: "Schedule".into(),
            name: schedule.name_any(),
            uid: schedule.uid().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: None,
        }]);
    }
    backup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_takes_after_its_schedule() {
        let schedule: Schedule = serde_json::from_value(serde_json::json!({
            "apiVersion": "velero.io/v1", "kind": "Schedule",
            "metadata": {"name": "nightly", "namespace": "velero", "uid": "u", "labels": {"team": "a"}, "annotations": {"n": "v"}},
            "spec": {"schedule": "0 3 * * *", "useOwnerReferencesInBackup": true,
                     "template": {"ttl": "24h0m0s", "includedNamespaces": ["app"]}}
        }))
        .unwrap();
        let backup = backup_of(&schedule, "2026-05-21T03:00:01Z".parse().unwrap());
        assert_eq!(backup.name_any(), "nightly-20260521030001");
        assert_eq!(backup.spec, schedule.spec.template);
        assert_eq!(backup.labels()["velero.io/schedule-name"], "nightly");
        assert_eq!(backup.labels()["team"], "a");
        assert_eq!(backup.annotations()["n"], "v");
        assert_eq!(backup.owner_references()[0].uid, "u");
    }
}
