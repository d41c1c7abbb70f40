//! Changes of the cluster. What is sent is what the host has parsed, written again; and whatever comes of it, what the action has listed of that kind
//! counts no more.

use serde_json::Value;

use super::{
    super::{
        bindings::lateen::item_action::{
            cluster_types::{Address, KindOf},
            cluster_write::{self, DeleteOptions},
        },
        state::State,
    },
    about,
    gate::{Admitted, check_segment},
    guard,
    object::{Head, parse_given},
};
use crate::{
    cluster_access::{ClusterDelete, ClusterFailure, ClusterPatch, Reason},
    limits,
    manifest::Verb,
};

impl State {
    pub(super) async fn cluster_create(&mut self, object: &str) -> Result<String, ClusterFailure> {
        let object = parse_given("the object", object)?;
        let head = Head::read(&object)?;
        let admitted = self.admit_new(&head)?;
        let namespace = head.metadata.namespace.as_deref();
        if self.is_guarded(Verb::Create, &admitted, namespace) && guard::has_label(&object) {
            return Err(guard::refusal(Verb::Create, namespace));
        }
        let name = head.metadata.name.as_deref().unwrap_or_default();
        let place = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let what = format!("create {} {place}{name}", admitted.kind);
        let text = object.to_string();
        let request = admitted.access.create(&admitted.asker, &admitted.kind, namespace, &text);
        let answer = self.wait_for(&what, request).await;
        self.written(&admitted, &what, answer)
    }

    /// Checks a new object: its kind is what has that name in the group.
    fn admit_new(&self, head: &Head) -> Result<Admitted, ClusterFailure> {
        let (group, version) = head.group_version();
        let invalid = |message: &str| Err(ClusterFailure::new(Reason::Invalid, message));
        match (&head.metadata.name, &head.metadata.generate_name) {
            (Some(name), _) => check_segment("metadata.name", name)?,
            (None, Some(prefix)) => check_segment("metadata.generateName", prefix)?,
            (None, None) => return invalid("the object has neither metadata.name nor metadata.generateName"),
        }
        let served = self.access()?.serves(group);
        let Some(served) = served.into_iter().find(|it| it.kind == head.kind && it.version == version) else {
            let message = format!("the cluster does not serve the kind {} of {group}/{version}", head.kind);
            return Err(ClusterFailure::new(Reason::NotFound, message));
        };
        let kind =
            KindOf { group: group.to_owned(), version: Some(version.to_owned()), resource: served.resource };
        self.admit(Verb::Create, kind, head.metadata.namespace.as_deref(), true)
    }

    pub(super) async fn cluster_patch(
        &mut self,
        verb: Verb,
        object: Address,
        patch: cluster_write::ClusterPatch,
    ) -> Result<String, ClusterFailure> {
        let (admitted, address) = self.admit_address(verb, object)?;
        let (patch, value) = read_patch(patch)?;
        if self.is_guarded(verb, &admitted, address.namespace.as_deref()) {
            if guard::brings_label(&patch, &value) {
                return Err(guard::refusal(verb, address.namespace.as_deref()));
            }
            self.guard_existing(verb, &admitted, &address).await?;
        }
        let what = format!("{verb} {address}");
        let answer = if verb == Verb::PatchStatus {
            let request = admitted.access.patch_status(&admitted.asker, &address, &patch);
            self.wait_for(&what, request).await
        } else {
            let request = admitted.access.patch(&admitted.asker, &address, &patch);
            self.wait_for(&what, request).await
        };
        self.written(&admitted, &what, answer)
    }

    pub(super) async fn cluster_delete(
        &mut self,
        object: Address,
        options: DeleteOptions,
    ) -> Result<(), ClusterFailure> {
        let (admitted, address) = self.admit_address(Verb::Delete, object)?;
        let options = ClusterDelete::from(options);
        if options.uid.as_ref().is_some_and(|uid| uid.len() > limits::CLUSTER_TEXT) {
            return Err(ClusterFailure::new(Reason::Invalid, "the uid is longer than any"));
        }
        if self.is_guarded(Verb::Delete, &admitted, address.namespace.as_deref()) {
            self.guard_existing(Verb::Delete, &admitted, &address).await?;
        }
        let what = format!("delete {address}");
        let request = admitted.access.delete(&admitted.asker, &address, &options);
        let answer = self.wait_for(&what, request).await;
        self.share.lists.forget(&admitted.kind);
        answer?;
        self.note_write(&what, admitted.asker.dry_run);
        Ok(())
    }

    /// What follows a write. It may have happened even if there is no answer.
    fn written(
        &mut self,
        admitted: &Admitted,
        what: &str,
        answer: Result<String, ClusterFailure>,
    ) -> Result<String, ClusterFailure> {
        self.share.lists.forget(&admitted.kind);
        let text = answer?;
        let object = self.take_in(admitted, &text).map_err(|failure| about(what, failure));
        self.note_write(what, admitted.asker.dry_run);
        object
    }
}

/// The patch with its text written again, and what it says.
fn read_patch(patch: cluster_write::ClusterPatch) -> Result<(ClusterPatch, Value), ClusterFailure> {
    let (make, text): (fn(String) -> ClusterPatch, String) = match patch {
        cluster_write::ClusterPatch::Merge(text) => (ClusterPatch::Merge, text),
        cluster_write::ClusterPatch::Json(text) => (ClusterPatch::Json, text),
        cluster_write::ClusterPatch::Apply(text) => (ClusterPatch::Apply, text),
    };
    let value = parse_given("the patch", &text)?;
    let patch = make(value.to_string());
    match &patch {
        ClusterPatch::Json(_) => guard::check_paths(&value)?,
        ClusterPatch::Merge(_) | ClusterPatch::Apply(_) if !value.is_object() => {
            return Err(ClusterFailure::new(Reason::Invalid, "the patch is not an object"));
        }
        ClusterPatch::Merge(_) | ClusterPatch::Apply(_) => {}
    }
    Ok((patch, value))
}
