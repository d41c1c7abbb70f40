//! What one entry of one of the lists says about the data of a volume.

use super::data::VolumeData;
use crate::backup::volumes::PvInfo;
use crate::kind::ObjectName;

/// What one entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeRecord {
    /// Name of the PersistentVolume, where the entry has it.
    pub volume: Option<String>,
    /// Namespace and name of the claim in the backup, where there is one.
    pub claim: Option<ObjectName>,
    /// The pod whose files were copied, and the name of the volume in it.
    pub pod: Option<(ObjectName, String)>,
    /// The data.
    pub data: VolumeData,
    /// What a volume that is made anew gets of the old one.
    pub renewal: Option<PvInfo>,
}
