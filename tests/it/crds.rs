//! The definitions of the kinds: the same text from the program and in the chart, and the API server takes it.

use std::process::Command;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::ApiResource;
use lateen_test_harness::Objects;
use serde::Deserialize as _;
use serde_json::Value;

use crate::world::cluster;

#[tokio::test]
async fn the_printed_definitions_are_the_charts_and_are_accepted() {
    let printed = Command::new(env!("CARGO_BIN_EXE_lateen")).arg("crds").output().unwrap();
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).unwrap();
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/lateen/crds/velero.io.yaml");
    assert!(
        printed == std::fs::read_to_string(chart).unwrap(),
        "out of date: cargo run -- crds > charts/lateen/crds/velero.io.yaml"
    );

    let client = Objects::connect(&cluster().kubeconfig()).await.unwrap().client();
    let kind = ApiResource::erase::<
        k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    >(&());
    let definitions: Api<DynamicObject> = Api::all_with(client, &kind);
    let mut names = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(&printed) {
        let definition = Value::deserialize(document).unwrap();
        let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
        // Only asked: other tests live with the definitions that are there.
        let parameters = PatchParams::apply("crds").force().dry_run();
        let taken = definitions.patch(&name, &parameters, &Patch::Apply(&definition)).await.unwrap();
        let taken = serde_json::to_value(&taken).unwrap();
        assert_eq!(
            taken["spec"]["versions"][0]["schema"], definition["spec"]["versions"][0]["schema"],
            "{name}"
        );
        names.push(name);
    }
    assert_eq!(names.len(), 13, "{names:?}");
}
