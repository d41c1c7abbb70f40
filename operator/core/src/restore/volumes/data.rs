//! What a backup holds of the data of one volume: how it was taken, where it is, and whether there is any.

use std::fmt;

/// How the data of a volume was taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataMethod {
    /// A snapshot of the storage provider's own.
    NativeSnapshot,
    /// Copied file by file.
    FileSystem,
    /// A CSI snapshot that stays where it is.
    CsiSnapshot,
    /// The content of a CSI snapshot, copied elsewhere.
    DataMovement,
    /// One that this version does not know, as the backup names it.
    Other(String),
}

/// Whether there is data to bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataState {
    /// Nobody took any: it was not asked for, or left out.
    Skipped,
    /// Taking it failed, and the backup says so itself.
    Failed,
    /// The volume was empty when it was copied.
    Empty,
    /// There is data, or nobody can rule it out.
    Held,
}

/// What a backup says about the data of one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeData {
    /// How it was taken; None if it was skipped.
    pub method: Option<DataMethod>,
    /// Whether there is any.
    pub state: DataState,
    /// Bytes, where the backup says so.
    pub size: Option<u64>,
    /// The storage's or the repository's name of the snapshot, empty where it is not known.
    pub snapshot: String,
    /// Who can read it: an uploader, a CSI driver, a data mover, a type of volume. Empty where it is not known.
    pub reader: String,
}

impl VolumeData {
    /// Nothing was taken.
    pub fn skipped() -> Self {
        Self {
            method: None,
            state: DataState::Skipped,
            size: None,
            snapshot: String::new(),
            reader: String::new(),
        }
    }

    /// Whether there is data to bring back.
    pub fn is_held(&self) -> bool {
        self.state == DataState::Held
    }

    /// Whether it was taken by a snapshot of the storage provider's own.
    pub fn is_native(&self) -> bool {
        self.method == Some(DataMethod::NativeSnapshot)
    }

    /// Whether it is, or was made of, a snapshot: what `restorePVs: false` is about.
    pub fn is_snapshot(&self) -> bool {
        matches!(
            self.method,
            Some(DataMethod::NativeSnapshot | DataMethod::CsiSnapshot | DataMethod::DataMovement)
        )
    }

    /// What was tried when it failed, for a sentence.
    pub fn attempt(&self) -> &'static str {
        match self.method {
            Some(DataMethod::FileSystem) => "copying its files",
            Some(DataMethod::DataMovement) => "moving its data",
            Some(DataMethod::NativeSnapshot | DataMethod::CsiSnapshot) => "taking a snapshot of it",
            Some(DataMethod::Other(_)) | None => "taking it",
        }
    }
}

/// `a file-system backup (kopia, 1.5 GiB, snapshot 8f3a)`.
impl fmt::Display for VolumeData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.method {
            Some(DataMethod::NativeSnapshot) => f.write_str("a snapshot of the storage provider")?,
            Some(DataMethod::FileSystem) => f.write_str("a file-system backup")?,
            Some(DataMethod::CsiSnapshot) => f.write_str("a CSI snapshot")?,
            Some(DataMethod::DataMovement) => f.write_str("a copy of a CSI snapshot")?,
            Some(DataMethod::Other(method)) => write!(f, "a backup by method {method:?}")?,
            None => f.write_str("nothing")?,
        }
        let reader = (!self.reader.is_empty()).then(|| self.reader.clone());
        let size = self.size.filter(|bytes| *bytes > 0).map(|bytes| Size(bytes).to_string());
        let snapshot = (!self.snapshot.is_empty()).then(|| format!("snapshot {}", self.snapshot));
        let details: Vec<String> = [reader, size, snapshot].into_iter().flatten().collect();
        if details.is_empty() { Ok(()) } else { write!(f, " ({})", details.join(", ")) }
    }
}

/// Bytes for people: `512 bytes`, `1.5 GiB`.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.into_iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => write!(f, "{:.1} {name}", self.0 as f64 / unit as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_told_with_what_is_known_of_it() {
        let data = VolumeData {
            method: Some(DataMethod::FileSystem),
            state: DataState::Held,
            size: Some(3 << 29),
            snapshot: "8f3a".into(),
            reader: "kopia".into(),
        };
        assert_eq!(data.to_string(), "a file-system backup (kopia, 1.5 GiB, snapshot 8f3a)");
        let method = Some(DataMethod::Other("Telepathy".into()));
        let bare = VolumeData { method, state: DataState::Held, ..VolumeData::skipped() };
        assert_eq!(bare.to_string(), "a backup by method \"Telepathy\"");
        let sizes = [0, 1023, 1024, 5 << 40].map(|bytes| Size(bytes).to_string());
        assert_eq!(sizes, ["0 bytes", "1023 bytes", "1.0 KiB", "5.0 TiB"]);
    }
}
