//! The item actions that Lateen brings along, all in one component. They have the names of Velero's; `manifests/` says what they are called for
//! and what they may do. What is done on restore has a folder of its own.
//!
//! Every action is a function of an item and of a [`cluster::Cluster`], tested without either a host or an API server. What an instance remembers is what
//! it was told by the cluster and by the run, and a new instance asks again.

mod cluster;
mod crd_remap_version;
mod pod;
mod pv;
mod pvc;
mod restore;
mod service_account;

lateen_action::actions! {
    backup: {
        "crd-remap-version" => crd_remap_version::backup,
        "pod" => pod::backup,
        "pv" => pv::backup,
        "service-account" => service_account::backup,
    },
    restore: {
        "add-pvc-from-pod" => restore::pod::add_claims,
        "admission-webhook-configuration" => restore::webhooks::restore,
        "apiservice" => restore::skipped::api_service,
        "change-image-name" => restore::image_name::restore,
        "change-storage-class" => restore::storage_class::restore,
        "cluster-role-bindings" => restore::bindings::restore,
        "crd-preserve-fields" => restore::definition::restore,
        "dataupload" => restore::skipped::data_upload,
        "init-restore-hook" => restore::init_hook::restore,
        "job" => restore::job::restore,
        "pod" => restore::pod::restore,
        "pvc" => restore::claim::restore,
        "role-bindings" => restore::bindings::restore,
        "secret" => restore::token::secret,
        "service" => restore::service::restore,
        "service-account" => restore::token::service_account,
    },
    related: {
        "pod" => pod::related,
        "pvc" => pvc::related,
        "service-account" => service_account::related,
    },
}
