//! Volumes and claims: the marks of a binding go, the binding itself stays as a wish.

use serde_json::Value;

use super::{KindContext, KindError, KindOutcome, Need, text};
use crate::kind::{GroupResource, ObjectName};
use crate::restore::reset::{BINDING_ANNOTATIONS, remove_annotations, reset_binding};

/// What provisioner, scheduler and volume backups noted about the old claim.
const CLAIM_ANNOTATIONS: [&str; 5] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "velero.io/volume-snapshot-name",
    "velero.io/data-upload-name",
];

/// A claim that was bound needs its volume first.
pub(super) fn claim(object: &mut Value, context: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    remove_annotations(object, &BINDING_ANNOTATIONS);
    remove_annotations(object, &CLAIM_ANNOTATIONS);
    let volume = text(context.pristine, "/spec/volumeName");
    let bound = text(context.pristine, "/status/phase") == "Bound" && !volume.is_empty();
    let need =
        Need { kind: GroupResource::new("", "persistentvolumes"), object: ObjectName::new(None, volume) };
    Ok(KindOutcome { skip: None, needs: if bound { vec![need] } else { Vec::new() } })
}

/// A volume keeps the name of its claim and forgets its uid; the claim is the one in the namespace's new name.
pub(super) fn volume(object: &mut Value, context: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    reset_binding(object);
    let mapped = context.namespace_mapping.get(text(object, "/spec/claimRef/namespace"));
    if let (Some(mapped), Some(namespace)) = (mapped, object.pointer_mut("/spec/claimRef/namespace")) {
        *namespace = Value::from(mapped.as_str());
    }
    Ok(KindOutcome::default())
}
