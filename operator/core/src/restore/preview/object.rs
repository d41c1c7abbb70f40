//! One object of a preview: what becomes of it, why, and what would be told and run on the way.

use serde::{Serialize, Serializer};

use super::Difference;
use crate::hooks::ExecHook;
use crate::hooks::restore::RestoreHook;
use crate::kind::ObjectName;

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is not there and would be created.
    Create,
    /// It is there, differs, and would be made what the backup has.
    Update,
    /// It is there and is what the backup has.
    Unchanged,
    /// It is there, differs, and would stay as it is.
    Differs,
    /// An action or a rule of the restore leaves it out.
    Skip,
    /// It would fail, or the API server would refuse it.
    Refuse,
    /// Nobody could say.
    Unknown,
}

impl Fate {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Update, Self::Unchanged, Self::Differs, Self::Skip, Self::Refuse, Self::Unknown];
}

/// How many objects have which fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// [`Fate::Create`].
    pub create: u64,
    /// [`Fate::Update`].
    pub update: u64,
    /// [`Fate::Unchanged`].
    pub unchanged: u64,
    /// [`Fate::Differs`].
    pub differs: u64,
    /// [`Fate::Skip`].
    pub skip: u64,
    /// [`Fate::Refuse`].
    pub refuse: u64,
    /// [`Fate::Unknown`].
    pub unknown: u64,
    /// Of all these, those that the API server could not be asked about, or not fully.
    pub unverified: u64,
}

impl Counts {
    /// The number of one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        match fate {
            Fate::Create => self.create,
            Fate::Update => self.update,
            Fate::Unchanged => self.unchanged,
            Fate::Differs => self.differs,
            Fate::Skip => self.skip,
            Fate::Refuse => self.refuse,
            Fate::Unknown => self.unknown,
        }
    }

    /// All objects.
    pub fn total(&self) -> u64 {
        Fate::ALL.into_iter().map(|fate| self.of(fate)).sum()
    }

    pub(super) fn add(&mut self, object: &ObjectPreview) {
        let number = match object.fate {
            Fate::Create => &mut self.create,
            Fate::Update => &mut self.update,
            Fate::Unchanged => &mut self.unchanged,
            Fate::Differs => &mut self.differs,
            Fate::Skip => &mut self.skip,
            Fate::Refuse => &mut self.refuse,
            Fate::Unknown => &mut self.unknown,
        };
        *number += 1;
        self.unverified += u64::from(object.unverified.is_some());
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectPreview {
    /// Namespace in the cluster; none for cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name in the cluster.
    pub name: String,
    /// Where it is in the backup, if that is another place: `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub from: Option<ObjectName>,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, in one line, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the API server could not be asked what it makes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unverified: Option<String>,
    /// Warnings and errors that the restore would tell about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// From what the cluster has to what the backup has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// Commands that would be run in the pod once its containers run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookPreview>,
}

/// What the restore would tell about an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Message {
    /// How much it matters.
    pub level: MessageLevel,
    /// In the engine's words.
    pub text: String,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageLevel {
    /// It is worth a look.
    Warning,
    /// Something failed.
    Error,
}

impl Message {
    /// A warning.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { level: MessageLevel::Warning, text: text.into() }
    }

    /// An error.
    pub fn error(text: impl Into<String>) -> Self {
        Self { level: MessageLevel::Error, text: text.into() }
    }
}

/// A command in a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HookPreview {
    /// Name of the hook, or a fixed one for those that pods ask for themselves.
    pub name: String,
    /// The container; empty for the pod's first one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl From<RestoreHook> for HookPreview {
    fn from(hook: RestoreHook) -> Self {
        let ExecHook { name, container, command, .. } = hook.exec;
        Self { name, container, command }
    }
}

#[expect(clippy::ref_option, reason = "serde hands a field over like this")]
fn as_text<S: Serializer>(name: &Option<ObjectName>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_ref().map(ToString::to_string).serialize(serializer)
}

impl ObjectPreview {
    /// `namespace/name` in the cluster.
    pub fn place(&self) -> ObjectName {
        ObjectName::new(self.namespace.as_deref(), &self.name)
    }
}
