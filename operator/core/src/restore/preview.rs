//! What a restore would do, before it does anything: the fate of every object, the namespaces that would be made, what cannot be known
//! beforehand, and what would be told as an error.
//!
//! The engine fills a [`Gathering`] while it goes through a plan without writing; [`Gathering::preview`] makes the [`Preview`] of it.
//! The JSON form of a preview is an interface: names of fields and fates stay, new ones may come. It never holds the value of a Secret.

mod difference;
mod gathering;
mod key;
mod messages;
mod object;
mod told;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::kind::GroupResource;
use crate::results::Results;

pub use difference::Difference;
pub use gathering::{Findings, Gathering, Place};
pub use object::{Counts, Fate, HookPreview, Message, MessageLevel, ObjectPreview};
pub use told::{ItemLines, SharedLines};

/// The objects of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KindPreview {
    /// `deployments.apps`.
    #[serde(serialize_with = "kind_as_text")]
    pub resource: GroupResource,
    /// The cluster does not serve the kind yet: its definition is restored before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// How many have which fate.
    pub counts: Counts,
    /// The objects, by namespace and name.
    pub objects: Vec<ObjectPreview>,
}

fn kind_as_text<S: Serializer>(kind: &GroupResource, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kind)
}

/// What becomes of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceFate {
    /// It would be made.
    Create,
    /// It is there and stays as it is.
    Exists,
    /// It is going away: the restore would wait for that and make it again.
    Terminating,
    /// It cannot be made.
    Refuse,
    /// Nobody could say.
    Unknown,
}

/// A namespace that objects would be restored into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespacePreview {
    /// Its name in the cluster.
    pub name: String,
    /// Its name in the backup, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What becomes of it.
    pub fate: NamespaceFate,
    /// The backup has the namespace itself, and not only objects in it.
    pub in_backup: bool,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Objects of the backup that are no part of the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutPreview {
    /// `events`.
    #[serde(serialize_with = "kind_as_text")]
    pub resource: GroupResource,
    /// Namespace in the backup; none for cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The one object, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many objects.
    pub objects: u64,
    /// Why.
    pub reason: String,
    /// Somebody who asked for them would not get them.
    pub error: bool,
}

/// Something that the account of whoever asks may not do, so that nobody knows what the API server would say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingRight {
    /// `create`, `get`, `patch`.
    pub verb: &'static str,
    /// `deployments.apps`.
    #[serde(serialize_with = "kind_as_text")]
    pub resource: GroupResource,
    /// Where; none for cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// How many objects it is about.
    pub objects: u64,
}

/// The backup that the restore would be made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSummary {
    /// Its name.
    pub name: String,
    /// `Completed`, `PartiallyFailed`.
    pub phase: String,
    /// The location that it is in.
    pub location: String,
    /// When it was begun, as in RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub started: String,
    /// The schedule that made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schedule: String,
}

/// What can be said in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Nothing would fail, and everything that can be asked was asked.
    Good,
    /// Nothing that could be asked would fail, but the account may not ask everything.
    Incomplete,
    /// Something would fail.
    WouldFail,
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The form of this document.
    pub api_version: &'static str,
    /// `RestorePreview`.
    pub kind: &'static str,
    /// In one word.
    pub verdict: Verdict,
    /// What it would be restored from.
    pub backup: BackupSummary,
    /// `none` or `update`.
    pub existing_resource_policy: &'static str,
    /// All objects together.
    pub totals: Counts,
    /// Namespaces, by name.
    pub namespaces: Vec<NamespacePreview>,
    /// Kinds, in the order in which they would be restored.
    pub kinds: Vec<KindPreview>,
    /// What is no part of the restore.
    pub left_out: Vec<LeftOutPreview>,
    /// What the account may not ask.
    pub missing_rights: Vec<MissingRight>,
    /// Why the restore would break off, if it would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaks_off: Option<String>,
    /// What the results of the restore would hold, as far as it is known.
    pub results: Results,
    /// Those of the results that are not told with an object, errors first.
    #[serde(skip)]
    pub others: Vec<Remark>,
}

/// A message about the restore as a whole, or about something that is no object of the preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The namespace that it is about, if any.
    pub namespace: Option<String>,
    /// What there is to say.
    pub message: Message,
}

impl Preview {
    /// The form of the document.
    pub const API_VERSION: &'static str = "lateen.dev/v1alpha1";
    /// What the document is.
    pub const KIND: &'static str = "RestorePreview";

    /// Objects whose API server could not be asked, by reason.
    pub fn unverified(&self) -> BTreeMap<&str, u64> {
        let mut reasons = BTreeMap::new();
        for reason in self.objects().filter_map(|(_, object)| object.unverified.as_deref()) {
            *reasons.entry(reason).or_default() += 1;
        }
        reasons
    }

    /// All objects, with their kind.
    pub fn objects(&self) -> impl Iterator<Item = (&GroupResource, &ObjectPreview)> {
        self.kinds.iter().flat_map(|kind| kind.objects.iter().map(|object| (&kind.resource, object)))
    }
}

#[cfg(test)]
mod tests;
