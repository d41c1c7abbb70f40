//! BackupStorageLocations: each is validated when it changes and every so often, and its status says whether it can be used.
//!
//! A `file` location also gets the CA of the download endpoint, where the CLI looks for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use lateen_api::GoDuration;
use lateen_api::v1::{BackupStorageLocation, BackupStorageLocationPhase, BackupStorageLocationSpec};
use lateen_cluster::resource::patch_retrying;
use lateen_cluster::watch::watch;

use crate::context::Context;
use crate::error_chain::error_chain;
use crate::known::Known;
use crate::location;

/// How often it is looked whether a location is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long one validation may take; a bucket that does not answer by then is unavailable.
const VALIDATION_TIMEOUT: Duration = Duration::from_mins(1);

/// Validates locations until the server shuts down.
pub async fn control(context: Context) {
    let mut events =
        std::pin::pin!(watch::<BackupStorageLocation>(context.client.clone(), &context.namespace, ""));
    let mut known = Known::<BackupStorageLocation>::default();
    let mut validated: BTreeMap<String, (Option<String>, BackupStorageLocationSpec)> = BTreeMap::new();
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            Some(told) = events.next() => known.take_in(told),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !known.is_complete() {
            continue;
        }
        validated.retain(|name, _| known.get(name).is_some());
        let locations: Vec<_> = known.all().cloned().collect();
        for location in locations {
            let state = (location.uid(), location.spec.clone());
            let changed = validated.get(&location.name_any()) != Some(&state);
            let frequency =
                location.spec.validation_frequency.unwrap_or(context.options.store_validation_frequency);
            if changed || is_due(&location, frequency, Timestamp::now()) {
                let after = validate(&context, &location).await.map(Arc::new);
                let state = after.as_ref().map_or(state, |l| (l.uid(), l.spec.clone()));
                validated.insert(location.name_any(), state);
                // Until the watch tells our own patch, the location would look as if it were due again.
                if let Some(after) = after {
                    known.patched(after);
                }
            }
        }
    }
}

/// Whether a location is to be validated again although it did not change.
fn is_due(location: &BackupStorageLocation, frequency: GoDuration, now: Timestamp) -> bool {
    let last = location.status.as_ref().and_then(|s| s.last_validation_time.as_ref());
    let Some(last) = last else { return true };
    !frequency.is_zero() && last.0.checked_add(frequency.to_signed()).is_ok_and(|next| next <= now)
}

/// Opens the location, looks into it and writes down what came of it. Gives back the location as it then is.
async fn validate(context: &Context, location: &BackupStorageLocation) -> Option<BackupStorageLocation> {
    let name = location.name_any();
    let looked = tokio::time::timeout(VALIDATION_TIMEOUT, look(context, location)).await;
    let fault = match looked {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(format!("the location did not answer within {} s", VALIDATION_TIMEOUT.as_secs())),
    };
    let phase = match fault {
        None => BackupStorageLocationPhase::Available,
        Some(_) => BackupStorageLocationPhase::Unavailable,
    };
    if location.status.as_ref().and_then(|s| s.phase.as_ref()) != Some(&phase) {
        match &fault {
            None => tracing::info!(location = name, "the backup storage location is available"),
            Some(fault) => {
                tracing::warn!(location = name, fault, "the backup storage location is unavailable");
            }
        }
    }
    let now = Timestamp::now();
    let message = fault
        .map(|fault| format!("BackupStorageLocation {name:?} is unavailable: {fault}"))
        .unwrap_or_default();
    let ca = context.download_ca.as_deref().filter(|_| is_file(location));
    let api = context.api();
    let patched = patch_retrying(&api, &name, |current: &BackupStorageLocation| {
        let mut changed = current.clone();
        let status = changed.status.get_or_insert_default();
        status.phase = Some(phase.clone());
        status.message.clone_from(&message);
        status.last_validation_time = Some(Time(now));
        if let Some(ca) = ca {
            changed.spec.object_storage.ca_cert = Some(ByteString(ca.as_bytes().to_vec()));
        }
        Some(changed)
    });
    match patched.await {
        Ok(patched) => Some(patched),
        Err(error) => {
            tracing::warn!(
                location = name,
                error = error_chain(&error),
                "cannot write down the state of the location"
            );
            None
        }
    }
}

async fn look(context: &Context, location: &BackupStorageLocation) -> Result<(), String> {
    let store = location::open(context, location).await.map_err(|error| error_chain(&error))?;
    store.validate().await.map_err(|error| error_chain(&error))
}

fn is_file(location: &BackupStorageLocation) -> bool {
    matches!(location.spec.provider.as_str(), "file" | "lateen.dev/file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_due_when_its_time_is_over() {
        let now: Timestamp = "2026-05-21T10:00:00Z".parse().unwrap();
        let mut location = BackupStorageLocation::new("default", BackupStorageLocationSpec::default());
        let minute = GoDuration::from_mins(1);
        assert!(is_due(&location, minute, now), "never validated");
        let mut validated = |seconds| {
            let at = now.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap();
            location.status.get_or_insert_default().last_validation_time = Some(Time(at));
            location.clone()
        };
        assert!(!is_due(&validated(59), minute, now));
        assert!(is_due(&validated(60), minute, now));
        assert!(!is_due(&validated(6000), GoDuration::ZERO, now), "zero validates once");
    }
}
