//! PersistentVolumes whose data is not in the backup, with the reasons.
//!
//! Grows with the number of volumes: a name and one to three reasons each, some 500 bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// A way to take a volume's data, in the order of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Approach {
    /// All of them.
    #[serde(rename = "any")]
    Any,
    /// A snapshot by a CSI driver.
    #[serde(rename = "csiSnapshot")]
    CsiSnapshot,
    /// A copy of the files that a pod sees.
    #[serde(rename = "podvolume")]
    PodVolume,
    /// A snapshot by the provider of a VolumeSnapshotLocation.
    #[serde(rename = "volumeSnapshot")]
    VolumeSnapshot,
}

impl Approach {
    fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::CsiSnapshot => "csiSnapshot",
            Self::PodVolume => "podvolume",
            Self::VolumeSnapshot => "volumeSnapshot",
        }
    }
}

/// Reasons as tools know them.
pub(super) mod reason {
    pub(in super::super) const LABELLED: &str = "item has label velero.io/exclude-from-backup=true";
    pub(in super::super) const POLICY: &str = "skipped due to resource policy ";
    pub(in super::super) const NOT_WANTED: &str =
        "not satisfy the criteria for VolumePolicy or the legacy snapshot way";
    pub(in super::super) const NO_SNAPSHOTTER: &str = "no applicable volumesnapshotter found";
    pub(in super::super) const POLICY_SKIP: &str = "matched action is 'skip' in chosen resource policies";
    pub(in super::super) const NOT_CSI: &str = "skipped b/c it's not a CSI volume";
}

/// The volumes that were skipped.
#[derive(Debug, Default)]
pub struct SkippedVolumes(BTreeMap<String, BTreeMap<Approach, Cow<'static, str>>>);

/// One of them, as the summary in the log has it.
#[derive(Debug, Serialize)]
pub struct SkippedVolume<'a> {
    /// Name of the PersistentVolume.
    pub name: &'a str,
    /// Sorted by approach.
    pub reasons: Vec<SkipReason<'a>>,
}

/// Why one way was not taken.
#[derive(Debug, Serialize)]
pub struct SkipReason<'a> {
    /// The way.
    pub approach: Approach,
    /// Why.
    pub reason: &'a str,
}

impl SkippedVolumes {
    /// Notes a reason; a later one for the same way wins. A claim without a volume has no name to note it under.
    pub fn add(&mut self, volume: &str, approach: Approach, reason: impl Into<Cow<'static, str>>) {
        if !volume.is_empty() {
            self.0.entry(volume.to_owned()).or_default().insert(approach, reason.into());
        }
    }

    /// Notes that a volume, or the claim of a volume, has the label that keeps it out of backups.
    pub fn add_labelled(&mut self, volume: &str) {
        self.add(volume, Approach::Any, reason::LABELLED);
    }

    /// All, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = SkippedVolume<'_>> {
        self.0.iter().map(|(name, reasons)| SkippedVolume {
            name,
            reasons: reasons
                .iter()
                .map(|(approach, reason)| SkipReason { approach: *approach, reason })
                .collect(),
        })
    }

    /// The line that ends a run's part about volumes: a JSON list of names with their reasons.
    pub fn summary(&self) -> String {
        let list: Vec<_> = self.iter().collect();
        let list = serde_json::to_string(&list).expect("names and reasons are text, which is JSON");
        format!("Summary for skipped PVs: {list}")
    }
}

impl SkippedVolume<'_> {
    /// All reasons in one text: `<approach>: <reason>;` for each.
    pub fn reason(&self) -> String {
        let reasons = self.reasons.iter();
        let texts = reasons.map(|skip| format!("{}: {};", skip.approach.as_str(), skip.reason));
        texts.collect::<Vec<_>>().concat()
    }
}
