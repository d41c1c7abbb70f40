//! The CustomResourceDefinitions of the thirteen kinds, as an installation applies them.
//!
//! Names and printer columns come from the attributes on the kinds, schemas from their types by the rules of the module `schema`.
//! Use these and not kube's `crd()` of a kind: that one declares a status subresource, which no server of velero.io has and no writer
//! of status uses, and refuses the nulls that Go programs write.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceValidation,
};
use kube::CustomResourceExt;
use schemars::JsonSchema;

use crate::{schema, v1, v2alpha1};

/// The label that marks everything an installation brings along; installers select by it.
const COMPONENT: (&str, &str) = ("component", "velero");

/// All thirteen, `v1` before `v2alpha1` and by name within a version.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        crd::<v1::BackupRepository>(),
        crd::<v1::Backup>(),
        crd::<v1::BackupStorageLocation>(),
        crd::<v1::DeleteBackupRequest>(),
        crd::<v1::DownloadRequest>(),
        crd::<v1::PodVolumeBackup>(),
        crd::<v1::PodVolumeRestore>(),
        crd::<v1::Restore>(),
        crd::<v1::Schedule>(),
        crd::<v1::ServerStatusRequest>(),
        crd::<v1::VolumeSnapshotLocation>(),
        crd::<v2alpha1::DataDownload>(),
        crd::<v2alpha1::DataUpload>(),
    ]
}

/// All thirteen as one YAML text of several documents, ready for `kubectl apply -f -`.
pub fn crds_yaml() -> String {
    let mut text = String::new();
    for crd in crds() {
        let document = serde_yaml_ng::to_string(&crd);
        text.push_str("---\n");
        text.push_str(&document.expect("a CRD has only strings for keys and no value that YAML lacks"));
    }
    text
}

fn crd<K: CustomResourceExt + JsonSchema>() -> CustomResourceDefinition {
    let mut crd = K::crd();
    let (label, value) = COMPONENT;
    crd.metadata.labels.get_or_insert_default().insert(label.to_owned(), value.to_owned());
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for version in &mut crd.spec.versions {
        version.subresources = None;
        version.schema =
            Some(CustomResourceValidation { open_api_v3_schema: Some(schema::object_schema::<K>()) });
    }
    crd
}
