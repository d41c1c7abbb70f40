//! `velero.io/crd-remap-version`: a definition that only the API version v1beta1 can hold goes into the backup as v1beta1, where the cluster still serves it.
//!
//! Such a definition was made through v1beta1, has no structural schema, and could not be created through v1. No cluster since Kubernetes 1.22 serves that
//! version, and with `EnableAPIGroupVersions` every version is backed up anyway: in both cases nothing is changed.

use lateen_action::{NoParams, Outcome, Value, cluster::KindOf, context, info};
use serde::{Deserialize, de::IgnoredAny};

use crate::cluster::{Cluster, Host};

const GROUP: &str = "apiextensions.k8s.io";
const RESOURCE: &str = "customresourcedefinitions";
const V1: &str = "apiextensions.k8s.io/v1";
const V1BETA1: &str = "apiextensions.k8s.io/v1beta1";

/// The feature flag with which all versions are backed up.
const ALL_VERSIONS: &str = "EnableAPIGroupVersions";

/// What matters of a CustomResourceDefinition.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Definition {
    api_version: Option<String>,
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    versions: Vec<Version>,
    preserve_unknown_fields: Option<bool>,
}

#[derive(Deserialize)]
struct Version {
    schema: Option<Schema>,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(rename = "openAPIV3Schema")]
    open_api: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
}

/// Backed up as a definition.
pub(crate) fn backup(definition: &Definition, _: &NoParams) -> Result<Outcome, String> {
    // Nearly always the answer, and it costs no call to the host.
    if !needs_v1beta1(definition) {
        return Ok(Outcome::unchanged());
    }
    let outcome = execute(definition, &context::this_run().features, &Host)?;
    if outcome.identity.is_some() {
        info(&format!("backed up as {V1BETA1}, since v1 does not accept its schema"));
    }
    Ok(outcome)
}

fn execute(definition: &Definition, features: &[String], cluster: &impl Cluster) -> Result<Outcome, String> {
    let all_versions = features.iter().any(|feature| feature == ALL_VERSIONS);
    if all_versions || !needs_v1beta1(definition) || !cluster.serves(GROUP, RESOURCE, Some("v1beta1"))? {
        return Ok(Outcome::unchanged());
    }
    let name = &definition.metadata.name;
    let kind = KindOf::new(GROUP, RESOURCE).version("v1beta1");
    let Some(mut old) = cluster.get::<Value>(kind, None, name)? else {
        return Ok(Outcome::unchanged());
    };
    // A change keeps the API version; `identify` sets the new one.
    old["apiVersion"] = V1.into();
    Ok(Outcome::replace(&old).identify(V1BETA1, "CustomResourceDefinition", name))
}

/// Whether it is a v1 definition that v1 would not accept if it were new.
fn needs_v1beta1(definition: &Definition) -> bool {
    if definition.api_version.as_deref().is_some_and(|version| version != V1) {
        return false;
    }
    let schema = definition.spec.versions.first().map(|version| &version.schema);
    let no_schema =
        schema.is_some_and(|schema| schema.as_ref().is_none_or(|schema| schema.open_api.is_none()));
    let not_structural = definition
        .status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.r#type == "NonStructuralSchema");
    no_schema || not_structural || definition.spec.preserve_unknown_fields == Some(true)
}

#[cfg(test)]
mod tests {
    use lateen_action::{Change, Identity, json};

    use super::*;
    use crate::cluster::recorded::Recorded;

    fn old_cluster() -> Recorded {
        let old = json!({
            "apiVersion": V1BETA1,
            "kind": "CustomResourceDefinition",
            "metadata": { "name": "tools.example.com" },
            "spec": { "version": "v1" },
        });
        Recorded {
            kinds: vec![(GROUP, "v1", RESOURCE, vec![]), (GROUP, "v1beta1", RESOURCE, vec![old])],
            ..Recorded::default()
        }
    }

    fn definition(spec: Value, conditions: Value) -> Definition {
        let definition = json!({
            "apiVersion": V1,
            "metadata": { "name": "tools.example.com" },
            "spec": spec,
            "status": { "conditions": conditions },
        });
        Definition::deserialize(definition).expect("a definition")
    }

    fn modern() -> Value {
        json!({ "versions": [{ "name": "v1", "schema": { "openAPIV3Schema": { "type": "object" } } }] })
    }

    fn outcome(definition: &Definition, features: &[&str], cluster: &Recorded) -> Outcome {
        let features: Vec<String> = features.iter().map(|&feature| feature.to_owned()).collect();
        execute(definition, &features, cluster).expect("the cluster answers")
    }

    #[test]
    fn a_definition_that_v1_refuses_is_taken_as_v1beta1() {
        let mut preserving = modern();
        preserving["preserveUnknownFields"] = true.into();
        let odd = [
            definition(json!({ "versions": [{ "name": "v1" }] }), Value::Null),
            definition(json!({ "versions": [{ "name": "v1", "schema": {} }] }), json!([])),
            definition(modern(), json!([{ "type": "NonStructuralSchema", "status": "False" }])),
            definition(preserving, Value::Null),
        ];
        for definition in odd {
            let Outcome { change, identity, related, .. } =
                outcome(&definition, &["EnableCSI"], &old_cluster());
            let Change::Replace(text) = change else { panic!("{change:?}") };
            let replaced: Value = text.parse().expect("JSON");
            assert_eq!(
                (&replaced["apiVersion"], &replaced["spec"]),
                (&json!(V1), &json!({ "version": "v1" }))
            );
            let expected = Identity {
                api_version: V1BETA1.into(),
                kind: "CustomResourceDefinition".into(),
                name: "tools.example.com".into(),
            };
            assert_eq!((identity, related), (Some(expected), vec![]));
        }
    }

    #[test]
    fn every_other_definition_stays_as_it_is() {
        let unchanged = |definition: &Definition, features: &[&str], cluster: &Recorded| {
            let Outcome { change, identity, .. } = outcome(definition, features, cluster);
            assert_eq!((change, identity), (Change::Unchanged, None));
        };
        unchanged(&definition(modern(), Value::Null), &[], &old_cluster());
        let odd = definition(json!({ "versions": [{ "name": "v1" }] }), Value::Null);
        unchanged(&odd, &[ALL_VERSIONS], &old_cluster());
        unchanged(&odd, &[], &Recorded::default());
        let gone = Recorded { kinds: vec![(GROUP, "v1beta1", RESOURCE, vec![])], ..Recorded::default() };
        unchanged(&odd, &[], &gone);
        unchanged(&Definition { api_version: Some(V1BETA1.into()), ..odd }, &[], &old_cluster());
    }
}
