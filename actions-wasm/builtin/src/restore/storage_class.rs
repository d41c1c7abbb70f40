//! `velero.io/change-storage-class`: volumes, claims and the claims that StatefulSets will make get another storage class, by the ConfigMap with the labels
//! `velero.io/plugin-config` and `velero.io/change-storage-class: RestoreItemAction`; its data maps old names to new ones.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use lateen_action::{NoParams, Outcome, cluster::KindOf};
use serde::{Deserialize, de::IgnoredAny};

use super::patch::Patch;
use crate::cluster::{Cluster, Host};

thread_local! {
    /// Classes that the cluster has. One that it does not have may be restored yet.
    static THERE: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// What matters of a volume, a claim or a StatefulSet: they have these fields in different places.
#[derive(Deserialize)]
pub(crate) struct Stored {
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    storage_class_name: Option<String>,
    volume_claim_templates: Option<Vec<Template>>,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default)]
    spec: TemplateSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct TemplateSpec {
    storage_class_name: Option<String>,
}

/// Classes that nobody mapped stay, and so does a missing one.
pub(crate) fn restore(stored: &Stored, _: &NoParams) -> Result<Outcome, String> {
    match lateen_action::plugin_config() {
        Some(mapping) => THERE.with_borrow_mut(|there| execute(stored, mapping, there, &Host)),
        None => Ok(Outcome::unchanged()),
    }
}

pub(super) fn execute(
    stored: &Stored,
    mapping: &BTreeMap<String, String>,
    there: &mut BTreeSet<String>,
    cluster: &impl Cluster,
) -> Result<Outcome, String> {
    let Spec { storage_class_name, volume_claim_templates } = &stored.spec;
    let templates = volume_claim_templates.iter().flatten().enumerate();
    let classes = storage_class_name.iter().map(|class| ("/spec/storageClassName".to_owned(), class)).chain(
        templates.filter_map(|(place, template)| {
            let path = format!("/spec/volumeClaimTemplates/{place}/spec/storageClassName");
            Some((path, template.spec.storage_class_name.as_ref()?))
        }),
    );
    let mut patch = Patch::default();
    for (path, old) in classes.filter(|(_, old)| !old.is_empty()) {
        let Some(new) = mapping.get(old).map(|new| new.trim()) else { continue };
        demand(new, old, there, cluster)?;
        patch.add(&path, new);
    }
    Ok(patch.outcome())
}

/// Fails unless the cluster has the class: a claim of a class that nobody knows waits for ever.
fn demand(new: &str, old: &str, there: &mut BTreeSet<String>, cluster: &impl Cluster) -> Result<(), String> {
    if there.contains(new) {
        return Ok(());
    }
    if new.is_empty() {
        return Err(format!(
            "the ConfigMap for this action maps the storage class {old:?} to nothing; name one"
        ));
    }
    let class: Option<IgnoredAny> =
        cluster.get(KindOf::new("storage.k8s.io", "storageclasses"), None, new)?;
    if class.is_none() {
        return Err(format!(
            "the cluster has no storage class {new:?}, to which the ConfigMap for this action maps {old:?}; create it, or change the ConfigMap"
        ));
    }
    there.insert(new.to_owned());
    Ok(())
}
