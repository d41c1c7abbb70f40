//! Watching typed objects, in a namespace or in all of them, for as long as the caller wants.
//!
//! The stream never ends and never fails: lost watches are taken up again with growing pauses, and an object that does not decode is told
//! to the process's log and left out. One bad object never stops the others.

use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum Watched<T> {
    /// A list begins: objects that it does not bring, and that were there before, are gone. Deletions that happened while the
    /// connection was lost are told in no other way.
    Listing,
    /// The object is there, for the first time, again or changed.
    Applied(Arc<T>),
    /// The list is complete.
    Listed,
    /// The object is gone; this is its last state.
    Deleted(Arc<T>),
}

/// Watches the objects of a namespace that a label selector (its text form, empty for all) matches.
pub fn watch<T>(
    client: Client,
    namespace: &str,
    labels: &str,
) -> impl Stream<Item = Watched<T>> + Send + use<T>
where
    T: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    told(Api::namespaced(client, namespace), labels)
}

/// Watches the objects of all namespaces that a label selector (its text form, empty for all) matches.
pub fn watch_everywhere<T>(client: Client, labels: &str) -> impl Stream<Item = Watched<T>> + Send + use<T>
where
    T: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    told(Api::all(client), labels)
}

fn told<T>(api: Api<DeserializeGuard<T>>, labels: &str) -> impl Stream<Item = Watched<T>> + Send + use<T>
where
    T: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let mut config = watcher::Config::default();
    if !labels.is_empty() {
        config = config.labels(labels);
    }
    let events = watcher::watcher(api, config).default_backoff();
    events.filter_map(async |event| match event {
        Ok(Event::Init) => Some(Watched::Listing),
        Ok(Event::InitDone) => Some(Watched::Listed),
        Ok(Event::InitApply(object) | Event::Apply(object)) => decoded(object).map(Watched::Applied),
        Ok(Event::Delete(object)) => decoded(object).map(Watched::Deleted),
        Err(error) => {
            tracing::warn!(kind = %T::kind(&()), error = &error as &dyn std::error::Error, "watch was lost and is taken up again");
            None
        }
    })
}

fn decoded<T: Resource<DynamicType = ()>>(object: DeserializeGuard<T>) -> Option<Arc<T>> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    match object.0 {
        Ok(object) => Some(Arc::new(object)),
        Err(error) => {
            tracing::warn!(kind = %T::kind(&()), namespace, name, %error, "object does not decode and is left alone");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;
    use crate::mock::{Answer, serve};

    #[tokio::test(start_paused = true)]
    async fn one_bad_object_does_not_hide_the_others() {
        let list = json!({"metadata": {"resourceVersion": "5"}, "items": [
            {"metadata": {"name": "bad", "namespace": "velero"}, "data": "not a map"},
            {"metadata": {"name": "good", "namespace": "velero"}, "data": {}},
        ]});
        let event = json!({"type": "DELETED", "object": {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "good", "namespace": "velero", "resourceVersion": "6"}}});
        let url = "GET /api/v1/namespaces/velero/configmaps?";
        let (client, server) = serve(vec![
            (format!("{url}&labelSelector=a&limit=500"), Answer::text(503, "starting")),
            (format!("{url}&labelSelector=a&limit=500"), Answer::json(200, &list)),
            (
                format!(
                    "{url}&watch=true&timeoutSeconds=290&labelSelector=a&allowWatchBookmarks=true&resourceVersion=5"
                ),
                Answer::text(200, &format!("{event}\n")),
            ),
        ]);
        let told: Vec<String> = pin!(watch::<ConfigMap>(client, "velero", "a"))
            .take(4)
            .map(|watched| match watched {
                Watched::Listing => "listing".into(),
                Watched::Listed => "listed".into(),
                Watched::Applied(object) => format!("applied {}", object.name_any()),
                Watched::Deleted(object) => format!("deleted {}", object.name_any()),
            })
            .collect()
            .await;
        assert_eq!(told, ["listing", "applied good", "listed", "deleted good"]);
        server.done().await;
    }
}
