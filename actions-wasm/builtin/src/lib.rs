//! The item actions that Lateen brings along, all in one component. They have the names of Velero's, and one file each; `manifests/` says what they are
//! called for and what they may do.
//!
//! Every action is a function of an item and of a [`cluster::Cluster`], tested without either a host or an API server. What an instance remembers are
//! lists of the cluster, and a new instance asks for them again.

mod cluster;
mod crd_remap_version;
mod pod;
mod pv;
mod pvc;
mod service_account;

lateen_action::actions! {
    backup: {
        "crd-remap-version" => crd_remap_version::backup,
        "pod" => pod::backup,
        "pv" => pv::backup,
        "service-account" => service_account::backup,
    },
    related: {
        "pod" => pod::related,
        "pvc" => pvc::related,
        "service-account" => service_account::related,
    },
}
