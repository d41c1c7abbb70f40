//! Many objects of many kinds, made quickly: what a cluster of that size consists of, without the controllers that would make more of it.
//!
//! Pods wait at a gate and are never scheduled, claims name a class that nobody provides, Services have no selector and Deployments are
//! paused: so the number of objects is the number that was made, and nothing changes while a backup runs.

use std::collections::BTreeSet;

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use lateen_test_harness::Installation;
use serde_json::{Value, json};

/// How many are created at the same time: more does not make two cores faster.
const WRITERS: usize = 32;

/// One namespace for so many objects, so that namespaces have as many as in real life.
const PER_NAMESPACE: usize = 250;

/// A kind: API version, kind, plural with group, and how many of a hundred objects are of it.
type Share = (&'static str, &'static str, &'static str, usize);

/// Of a hundred objects. A pod and its claim are made together.
pub(crate) const MIX: [Share; 8] = [
    ("v1", "ConfigMap", "configmaps", 30),
    ("v1", "Secret", "secrets", 20),
    ("v1", "Pod", "pods", 8),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", 8),
    ("v1", "Service", "services", 10),
    ("v1", "ServiceAccount", "serviceaccounts", 8),
    ("apps/v1", "Deployment", "deployments.apps", 8),
    ("scale.lateen.dev/v1", "Widget", "widgets.scale.lateen.dev", 8),
];

/// ConfigMaps and nothing else.
pub(crate) const CONFIG_MAPS: [Share; 1] = [("v1", "ConfigMap", "configmaps", 100)];

/// What was made: where, and everything as `kind.group/namespace/name`.
pub(crate) struct Population {
    pub(crate) namespaces: Vec<String>,
    pub(crate) items: BTreeSet<String>,
}

/// Makes `count` objects in namespaces that begin with `prefix`.
pub(crate) async fn create(
    velero: &Installation<'_>,
    prefix: &str,
    count: usize,
    mix: &[Share],
) -> Population {
    velero.objects().apply(DEFINITION).await.unwrap();
    let namespaces: Vec<String> =
        (0..count.div_ceil(PER_NAMESPACE)).map(|number| format!("{prefix}-{number:03}")).collect();
    for namespace in &namespaces {
        velero.objects().create_namespace(namespace).await.unwrap();
    }
    let objects: Vec<(Share, usize)> = (0..count).map(|number| (sort_of(mix, number), number)).collect();
    let mut writers = tokio::task::JoinSet::new();
    for part in objects.chunks(count.div_ceil(WRITERS)) {
        let (client, part, namespaces) = (velero.objects().client(), part.to_vec(), namespaces.clone());
        writers.spawn(async move {
            let mut items = Vec::new();
            for ((api_version, kind, plural, _), number) in part {
                let namespace = &namespaces[number / PER_NAMESPACE];
                let object: DynamicObject =
                    serde_json::from_value(object(api_version, kind, number)).unwrap();
                let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                let resource = ApiResource::from_gvk_with_plural(
                    &GroupVersionKind::gvk(group, version, kind),
                    plural.split('.').next().unwrap(),
                );
                let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
                api.create(&PostParams::default(), &object).await.unwrap();
                items.push(format!("{plural}/{namespace}/{}", name(number)));
            }
            items
        });
    }
    let mut items = BTreeSet::new();
    while let Some(made) = writers.join_next().await {
        items.extend(made.unwrap());
    }
    assert_eq!(items.len(), count);
    Population { namespaces, items }
}

/// Kinds take turns by their shares, spread over all namespaces.
fn sort_of(mix: &[Share], number: usize) -> Share {
    let mut place = number % 100;
    for share in mix {
        if place < share.3 {
            return *share;
        }
        place -= share.3;
    }
    panic!("the shares make a hundred");
}

fn name(number: usize) -> String {
    format!("item-{number:06}")
}

fn object(api_version: &str, kind: &str, number: usize) -> Value {
    let name = name(number);
    let labels = json!({ "app.kubernetes.io/name": name, "shard": (number % 7).to_string() });
    // Sizes as they are found: most some KB, one of fifty far more.
    let text = filler(number, if number.is_multiple_of(50) { 20_000 } else { 500 + number % 3000 });
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "name": name, "labels": labels, "annotations": { "scale.lateen.dev/note": filler(number, 200) } },
    });
    let template = json!({
        "metadata": { "labels": labels },
        "spec": { "containers": [{ "name": "main", "image": "registry.example/app:1", "env": [{ "name": "TEXT", "value": filler(number, 400) }] }] },
    });
    match kind {
        "ConfigMap" => object["data"] = json!({ "text": text }),
        "Secret" => object["stringData"] = json!({ "text": text }),
        "Pod" => {
            object["spec"] = template["spec"].clone();
            object["spec"]["schedulingGates"] = json!([{ "name": "scale.lateen.dev/never" }]);
            // The claims are as many places later as there are pods in a hundred.
            object["spec"]["volumes"] = json!([
                { "name": "data", "persistentVolumeClaim": { "claimName": self::name(number + 8) } },
            ]);
        }
        "PersistentVolumeClaim" => {
            object["spec"] = json!({
                "accessModes": ["ReadWriteOnce"], "storageClassName": "nobody-provides-it",
                "volumeName": format!("volume-of-{name}"), "resources": { "requests": { "storage": "1Gi" } },
            });
        }
        "Service" => object["spec"] = json!({ "clusterIP": "None", "ports": [{ "port": 80 }] }),
        "ServiceAccount" => object["automountServiceAccountToken"] = json!(false),
        "Deployment" => {
            object["spec"] = json!({
                "paused": true, "replicas": 0, "template": template,
                "selector": { "matchLabels": labels },
            });
        }
        _ => object["spec"] = json!({ "text": text, "number": number }),
    }
    object
}

/// Text that compresses about as well as configuration does, different for every number.
fn filler(number: usize, length: usize) -> String {
    let words = ["replicas", "timeout", "endpoint", "true", "10Gi", "cluster.local", "retry", "8080"];
    let mut text = String::with_capacity(length + 40);
    let mut state = number as u64 + 1;
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text += words[(state >> 60) as usize % words.len()];
        text += &format!("={:x};", (state >> 33) & 0xffff);
    }
    text.truncate(length);
    text
}

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.scale.lateen.dev }
spec:
  group: scale.lateen.dev
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
";
