//! `velero.io/pvc`: a bound claim goes into one block with its volume, with the running pods that mount it, so that their hooks stand around all of it, and
//! with the claims of its volume group.

use std::cell::RefCell;

use lateen_action::{NoParams, ObjectRef, context};
use serde::Deserialize;

use crate::{
    cluster::{Cluster, Host, Listing},
    pod::Volume,
    pv::Claim,
};

/// A pod seldom has more than 20 KiB, and an answer may have 4 MiB.
const PODS_PER_PAGE: u32 = 100;

/// A claim has some 2 KiB.
const CLAIMS_PER_PAGE: u32 = 500;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// In one block with a claim.
pub(crate) fn related(claim: &Claim, _: &NoParams) -> Result<Vec<ObjectRef>, String> {
    KNOWN.with_borrow_mut(|known| known.related(claim, &Host, context::run_object))
}

/// What an instance remembers. Of one namespace only: items come namespace by namespace.
#[derive(Default)]
struct Known {
    group_label: Option<String>,
    namespace: String,
    pods: Option<Vec<Mounts>>,
}

/// A running pod and the claims that it mounts.
struct Mounts {
    pod: String,
    claims: Vec<String>,
}

impl Known {
    fn related(
        &mut self,
        claim: &Claim,
        cluster: &impl Cluster,
        backup: impl Fn() -> String,
    ) -> Result<Vec<ObjectRef>, String> {
        let (Some(volume), Some(namespace)) = (claim.volume(), claim.metadata.namespace.as_deref()) else {
            return Ok(Vec::new());
        };
        let mut related = vec![ObjectRef::new("", "persistentvolumes", None, volume)];
        let name = &claim.metadata.name;
        let pods = self.pods(namespace, cluster)?.iter().filter(|pod| pod.claims.contains(name));
        related.extend(pods.map(|pod| ObjectRef::new("", "pods", Some(namespace), &pod.pod)));
        related.extend(group(claim, namespace, self.group_label(backup)?, cluster)?);
        Ok(related)
    }

    /// The running pods of a namespace.
    fn pods(&mut self, namespace: &str, cluster: &impl Cluster) -> Result<&[Mounts], String> {
        if self.pods.is_none() || self.namespace != namespace {
            let pods = cluster.list::<Pod>(Listing {
                resource: "pods",
                namespace: Some(namespace),
                fields: "status.phase=Running",
                page: PODS_PER_PAGE,
                ..Listing::default()
            })?;
            namespace.clone_into(&mut self.namespace);
            self.pods = Some(pods.into_iter().filter_map(Pod::mounts).collect());
        }
        Ok(self.pods.as_deref().unwrap_or_default())
    }

    /// The label by which the Backup groups volumes; "" for none.
    fn group_label(&mut self, backup: impl Fn() -> String) -> Result<&str, String> {
        if self.group_label.is_none() {
            let backup: Backup = lateen_action::parse(&backup())
                .map_err(|error| format!("cannot read the Backup: {error}"))?;
            self.group_label = Some(backup.spec.volume_group_snapshot_label_key.unwrap_or_default());
        }
        Ok(self.group_label.as_deref().unwrap_or_default())
    }
}

/// The other claims with the same value of the label.
fn group(
    claim: &Claim,
    namespace: &str,
    label: &str,
    cluster: &impl Cluster,
) -> Result<Vec<ObjectRef>, String> {
    let value = claim.metadata.labels.as_ref().and_then(|labels| labels.get(label));
    let Some(value) = value.filter(|value| !label.is_empty() && !value.is_empty()) else {
        return Ok(Vec::new());
    };
    let claims = cluster.list::<Named>(Listing {
        resource: "persistentvolumeclaims",
        namespace: Some(namespace),
        labels: format!("{label}={value}"),
        page: CLAIMS_PER_PAGE,
        ..Listing::default()
    })?;
    let others =
        claims.into_iter().map(|other| other.metadata.name).filter(|name| *name != claim.metadata.name);
    Ok(others.map(|name| ObjectRef::new("", "persistentvolumeclaims", Some(namespace), &name)).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pod {
    metadata: PodMetadata,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodMetadata {
    name: String,
    deletion_timestamp: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    node_name: Option<String>,
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodStatus {
    phase: Option<String>,
}

impl Pod {
    /// None where it does not run, is on its way out, or mounts nothing.
    fn mounts(self) -> Option<Mounts> {
        let scheduled = self.spec.node_name.is_some_and(|node| !node.is_empty());
        let running = self.status.phase.as_deref() == Some("Running");
        if !scheduled || !running || self.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let claims: Vec<String> =
            self.spec.volumes.iter().flatten().filter_map(Volume::claim).map(Into::into).collect();
        (!claims.is_empty()).then_some(Mounts { pod: self.metadata.name, claims })
    }
}

#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Backup {
    spec: BackupSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct BackupSpec {
    volume_group_snapshot_label_key: Option<String>,
}

#[cfg(test)]
mod tests {
    use lateen_action::{Value, json};

    use super::*;
    use crate::cluster::recorded::Recorded;

    fn claim(name: &str, namespace: &str, labels: &Value) -> Value {
        json!({
            "metadata": { "name": name, "namespace": namespace, "labels": labels },
            "spec": { "volumeName": format!("pv-{name}") },
            "status": { "phase": "Bound" },
        })
    }

    fn pod(name: &str, claim: &str) -> Value {
        json!({
            "metadata": { "name": name, "namespace": "app" },
            "spec": { "nodeName": "n1", "volumes": [{ "persistentVolumeClaim": { "claimName": claim } }] },
            "status": { "phase": "Running" },
        })
    }

    fn cluster() -> Recorded {
        let mut leaving = pod("leaving", "data");
        leaving["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z".into();
        let mut waiting = pod("waiting", "data");
        waiting["spec"]["nodeName"] = Value::Null;
        let mut done = pod("done", "data");
        done["status"]["phase"] = "Succeeded".into();
        let pods =
            vec![pod("web-0", "data"), leaving, waiting, done, pod("web-1", "data"), pod("db", "other")];
        let group = json!({ "group": "g1" });
        let claims = vec![
            claim("data", "app", &group),
            claim("logs", "app", &group),
            claim("alone", "app", &json!({ "group": "g2" })),
            claim("far", "elsewhere", &group),
        ];
        Recorded {
            kinds: vec![("", "v1", "pods", pods), ("", "v1", "persistentvolumeclaims", claims)],
            ..Recorded::default()
        }
    }

    fn related(known: &mut Known, cluster: &Recorded, claim: Value, backup: &str) -> Vec<String> {
        let claim = Claim::deserialize(claim).expect("a claim");
        let related = known.related(&claim, cluster, || backup.to_owned()).expect("the cluster answers");
        related
            .into_iter()
            .map(|object| {
                let namespace = object.namespace.map(|name| name + "/").unwrap_or_default();
                format!("{}/{namespace}{}", object.resource, object.name)
            })
            .collect()
    }

    const GROUPED: &str = r#"{"kind":"Backup","spec":{"volumeGroupSnapshotLabelKey":"group"}}"#;

    #[test]
    fn a_claim_stands_with_its_volume_its_running_pods_and_its_group() {
        let labels = json!({ "group": "g1" });
        let found = related(&mut Known::default(), &cluster(), claim("data", "app", &labels), GROUPED);
        assert_eq!(
            found,
            [
                "persistentvolumes/pv-data",
                "pods/app/web-0",
                "pods/app/web-1",
                "persistentvolumeclaims/app/logs",
            ]
        );
    }

    #[test]
    fn without_a_group_the_claims_are_not_listed() {
        let cluster = cluster();
        let mut known = Known::default();
        let labels = json!({ "group": "g1" });
        let plain = related(&mut known, &cluster, claim("data", "app", &labels), "{}");
        assert_eq!(plain.len(), 3);
        // A label with an empty name must not be looked for.
        let found = related(&mut known, &cluster, claim("other", "app", &json!({ "": "x" })), "{}");
        assert_eq!(found, ["persistentvolumes/pv-other", "pods/app/db"]);
        assert_eq!(cluster.lists.get(), 1, "the pods of a namespace are listed once");
        related(&mut known, &cluster, claim("far", "elsewhere", &Value::Null), "{}");
        assert_eq!(cluster.lists.get(), 2);
    }

    #[test]
    fn a_claim_that_is_not_bound_stands_alone() {
        let cluster = cluster();
        let mut pending = claim("data", "app", &json!({ "group": "g1" }));
        pending["status"]["phase"] = "Pending".into();
        assert_eq!(related(&mut Known::default(), &cluster, pending, GROUPED), Vec::<String>::new());
        assert_eq!(cluster.lists.get(), 0);
    }

    #[test]
    fn a_failure_is_told_and_not_remembered() {
        let data = Claim::deserialize(claim("data", "app", &Value::Null)).expect("a claim");
        let mut known = Known::default();
        let broken = Recorded { failure: Some("pods in app: not granted"), ..Recorded::default() };
        let answer = known.related(&data, &broken, || "{}".to_owned());
        assert_eq!(answer, Err("pods in app: not granted".to_owned()));
        assert_eq!(known.related(&data, &cluster(), || "{}".to_owned()).expect("it answers now").len(), 3);
    }
}
