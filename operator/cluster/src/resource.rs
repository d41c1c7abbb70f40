//! Changes of typed objects, decided on one version of the object and applied to no other.
//!
//! Only what differs is sent, as a merge patch: fields that our types do not know stay as they are. The patch carries the resource
//! version that the change was decided on, so that a change by somebody else in the meantime is told as a conflict and never overwritten.
//! Lists are replaced as a whole, as merge patches do.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::{Api, Resource, ResourceExt};
use lateen_api::fenced_merge_patch;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::object::ObjectError;
use crate::request::RequestError;

/// Tries of [`patch_retrying`]: client-go's number for the same purpose.
pub const MAX_CONFLICTS: u32 = 5;

/// Pause before the second try; each further one is twice as long, 150 ms in all.
pub const CONFLICT_PAUSE: Duration = Duration::from_millis(10);

/// Why an object was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// Somebody else changed it in the meantime: read it again and decide again.
    #[error("the object was changed by somebody else")]
    Conflict(#[source] Box<Status>),
    /// It is gone.
    #[error("the object is gone")]
    NotFound(#[source] Box<Status>),
    /// The original was not read from an API server, so nobody can tell whether it is current.
    #[error("the object has no resource version")]
    NoVersion,
    /// Any other refusal, or no answer.
    #[error("could not change the object")]
    Other(#[source] ObjectError),
}

impl From<kube::Error> for PatchError {
    fn from(error: kube::Error) -> Self {
        match ObjectError::from(RequestError::from(error)) {
            ObjectError::Conflict(status) => Self::Conflict(status),
            ObjectError::NotFound(status) => Self::NotFound(status),
            other => Self::Other(other),
        }
    }
}

/// Changes an object from `original`, as it was read, to `changed`, and returns it as the server stored it. Nothing is sent where both are
/// the same.
pub async fn patch_checked<T>(api: &Api<T>, original: &T, changed: &T) -> Result<T, PatchError>
where
    T: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    let Some(patch) = checked_patch(original, changed)? else { return Ok(original.clone()) };
    Ok(api.patch(&original.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?)
}

/// Reads an object, lets `change` decide, and changes it; after a conflict it reads again and asks again, [`MAX_CONFLICTS`] times in all.
/// Where `change` returns None the object stays as it is. Returns the object's last known state.
pub async fn patch_retrying<T>(
    api: &Api<T>,
    name: &str,
    mut change: impl FnMut(&T) -> Option<T>,
) -> Result<T, PatchError>
where
    T: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    let mut pause = CONFLICT_PAUSE;
    let mut conflicts = 0;
    loop {
        let current = api.get(name).await?;
        let Some(changed) = change(&current) else { return Ok(current) };
        match patch_checked(api, &current, &changed).await {
            Err(PatchError::Conflict(_)) if conflicts + 1 < MAX_CONFLICTS => {
                conflicts += 1;
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            outcome => return outcome,
        }
    }
}

/// The patch from one to the other with the resource version of the first; None where there is nothing to change.
fn checked_patch<T: Resource + Serialize>(original: &T, changed: &T) -> Result<Option<Value>, PatchError> {
    // Without a version the patch would be applied to whatever is there.
    original.meta().resource_version.as_deref().filter(|v| !v.is_empty()).ok_or(PatchError::NoVersion)?;
    Ok(fenced_merge_patch(original, changed))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Client;
    use serde_json::json;

    use super::*;
    use crate::mock::{Answer, serve};

    fn config_map(version: &str, value: &str) -> ConfigMap {
        serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": "velero", "resourceVersion": version, "labels": {"x": "y"}},
            "data": {"k": value, "other": "stays"},
        }))
        .unwrap()
    }

    #[test]
    fn a_patch_is_the_difference_on_the_version_that_was_read() {
        let original = config_map("7", "old");
        let mut changed = config_map("7", "new");
        changed.metadata.labels = None;
        let patch = checked_patch(&original, &changed).unwrap().unwrap();
        assert_eq!(
            patch,
            json!({"data": {"k": "new"}, "metadata": {"labels": null, "resourceVersion": "7"}})
        );
        assert_eq!(checked_patch(&original, &original).unwrap(), None);
        assert!(matches!(checked_patch(&ConfigMap::default(), &changed), Err(PatchError::NoVersion)));
    }

    const GET: &str = "GET /api/v1/namespaces/velero/configmaps/a";
    const PATCH: &str = "PATCH /api/v1/namespaces/velero/configmaps/a?";

    fn stored(version: &str, value: &str) -> Answer {
        Answer::json(200, &serde_json::to_value(config_map(version, value)).unwrap())
    }

    fn conflict() -> Answer {
        Answer::text(409, r#"{"kind":"Status","code":409,"reason":"Conflict","message":"modified"}"#)
    }

    /// Sets the value to `new` unless it is `done`.
    async fn set(client: Client) -> Result<ConfigMap, PatchError> {
        let api: Api<ConfigMap> = Api::namespaced(client, "velero");
        patch_retrying(&api, "a", |current| {
            let value = current.data.as_ref().and_then(|data| data.get("k"));
            (value.map(String::as_str) != Some("done"))
                .then(|| config_map(current.metadata.resource_version.as_deref().unwrap(), "new"))
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_conflict_the_decision_is_made_again() {
        let (client, server) = serve(vec![
            (GET.into(), stored("1", "old")),
            (PATCH.into(), conflict()),
            (GET.into(), stored("2", "done")),
        ]);
        assert_eq!(set(client).await.unwrap().metadata.resource_version.as_deref(), Some("2"));
        server.done().await;
    }

    #[tokio::test(start_paused = true)]
    async fn conflicts_without_end_are_told() {
        let tries = usize::try_from(MAX_CONFLICTS).unwrap();
        let round = [(GET.to_owned(), stored("1", "old")), (PATCH.to_owned(), conflict())];
        let (client, server) = serve(round.iter().cloned().cycle().take(2 * tries).collect());
        assert!(matches!(set(client).await, Err(PatchError::Conflict(_))));
        server.done().await;

        let (client, server) = serve(vec![(GET.into(), Answer::text(404, "404 page not found"))]);
        let outcome = set(client).await;
        assert!(matches!(outcome, Err(PatchError::NotFound(_))), "{outcome:?}");
        server.done().await;
    }
}
