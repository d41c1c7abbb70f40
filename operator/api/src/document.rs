//! An object as a file of a bucket: read, looked at through its type, changed, and written back with everything in it.
//!
//! `velero-backup.json` is the whole Backup as its server saw it, and that server may be newer than this one. A [`Document`] keeps the
//! file as it was read beside the typed view, and a change through the type touches only the fields that it changed.

use serde::{Serialize, de::DeserializeOwned, ser::SerializeMap};
use serde_json::Value;

use crate::patch;

/// The largest document that is read. An object in etcd has at most 1.5 MiB, indented for people about three times that, 4.5 MiB; with as
/// much again for a cluster whose limit was raised, and rounded up, 16 MiB.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

/// The fields that stand first in a file, in this order, as Go writes them; further ones follow by name.
const LEADING_FIELDS: [&str; 5] = ["kind", "apiVersion", "metadata", "spec", "status"];

/// Why a document cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// More than [`MAX_DOCUMENT_BYTES`].
    #[error("the document has {0} bytes, more than {MAX_DOCUMENT_BYTES}")]
    TooLarge(usize),
    /// Not JSON, or not an object of this kind.
    #[error("reading the document as a {kind}")]
    Read {
        /// The kind that was expected.
        kind: String,
        /// What stands in the way.
        #[source]
        source: serde_json::Error,
    },
    /// JSON, but an object of another kind or version.
    #[error("the document is a {found}, not a {expected}")]
    OtherKind {
        /// Version and kind that were expected.
        expected: String,
        /// Version and kind in the document.
        found: String,
    },
}

/// An object of the API with all its fields, those that its type does not know included.
#[derive(Clone, Debug, PartialEq)]
pub struct Document<K> {
    raw: Value,
    object: K,
}

impl<K> Document<K>
where
    K: kube::Resource<DynamicType = ()> + DeserializeOwned + Serialize,
{
    /// Reads a file. It must be an object of exactly this kind and version.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge(bytes.len()));
        }
        Self::from_value(serde_json::from_slice(bytes).map_err(Self::unreadable)?)
    }

    /// Takes JSON that has been read already. It must be an object of exactly this kind and version.
    pub fn from_value(raw: Value) -> Result<Self, DocumentError> {
        let text = |field| raw.get(field).and_then(Value::as_str).unwrap_or_default();
        let expected = format!("{} {}", K::api_version(&()), K::kind(&()));
        let found = format!("{} {}", text("apiVersion"), text("kind"));
        if found != expected {
            return Err(DocumentError::OtherKind { expected, found });
        }
        let object = K::deserialize(&raw).map_err(Self::unreadable)?;
        Ok(Self { raw, object })
    }

    /// Makes a document of an object of our own, which has no other fields than the type.
    pub fn from_object(object: K) -> Self {
        let raw = serde_json::to_value(&object).expect("the objects of the API have only strings for keys");
        Self { raw, object }
    }

    /// The object as far as its type knows it.
    pub fn object(&self) -> &K {
        &self.object
    }

    /// All of the document.
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// Changes the object; what `change` does not touch stays as it was written, whether the type knows it or not.
    pub fn modify(&mut self, change: impl FnOnce(&mut K)) {
        let to_value = |object: &K| {
            serde_json::to_value(object).expect("the objects of the API have only strings for keys")
        };
        let before = to_value(&self.object);
        change(&mut self.object);
        if let Some(patch) = patch::patch_between(&before, &to_value(&self.object)) {
            json_patch::merge(&mut self.raw, &patch);
        }
    }

    /// The file: indented JSON in UTF-8 that begins with the kind, without a newline at its end.
    pub fn to_vec(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(&InFileOrder(&self.raw)).expect("JSON that was read can be written")
    }

    fn unreadable(source: serde_json::Error) -> DocumentError {
        DocumentError::Read { kind: K::kind(&()).into_owned(), source }
    }
}

/// Writes an object with its leading fields first.
struct InFileOrder<'a>(&'a Value);

impl Serialize for InFileOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(fields) = self.0 else { return self.0.serialize(serializer) };
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for field in LEADING_FIELDS {
            if let Some(value) = fields.get(field) {
                map.serialize_entry(field, value)?;
            }
        }
        for (field, value) in fields.iter().filter(|(field, _)| !LEADING_FIELDS.contains(&field.as_str())) {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1::{Backup, BackupPhase};

    fn of_a_newer_server() -> Value {
        json!({
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "metadata": { "name": "b", "selfLink": "/x" },
            "spec": { "ttl": "1h", "excludedNamespaces": null, "shadow": { "of": ["things", null] } },
            "status": { "phase": "Pondering", "progress": { "totalItems": 2, "bytes": 9_007_199_254_740_993_u64 } },
            "zzz": 1,
        })
    }

    #[test]
    fn a_change_leaves_the_rest_alone() {
        let mut document = Document::<Backup>::from_value(of_a_newer_server()).unwrap();
        assert_eq!(document.object().phase(), &BackupPhase::Other("Pondering".to_owned()));
        document.modify(|backup| {
            backup.status.get_or_insert_default().phase = Some(BackupPhase::Completed);
        });
        let mut expected = of_a_newer_server();
        expected["status"]["phase"] = json!("Completed");
        assert_eq!(document.raw(), &expected);
        assert_eq!(Document::parse(&document.to_vec()).unwrap(), document);
    }

    #[test]
    fn the_file_begins_with_the_kind() {
        let document = Document::<Backup>::from_value(of_a_newer_server()).unwrap();
        let text = String::from_utf8(document.to_vec()).unwrap();
        let order: Vec<&str> = text.lines().filter(|line| line.starts_with("  \"")).collect();
        let order: Vec<&str> = order.iter().filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(order, ["kind", "apiVersion", "metadata", "spec", "status", "zzz"]);
        assert!(!text.ends_with('\n'));
    }

    #[test]
    fn what_is_not_a_backup_is_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let other = r#"{"apiVersion":"velero.io/v1","kind":"Restore","metadata":{}}"#;
        let wrong = r#"{"apiVersion":"velero.io/v1","kind":"Backup","metadata":{},"spec":{"ttl":7}}"#;
        let too_large = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        let cases: [(&[u8], &str); 7] = [
            (b"", "reading the document as a Backup"),
            (b"null", "the document is a  , not a velero.io/v1 Backup"),
            (b"{\"kind\":", "reading the document as a Backup"),
            (deep.as_bytes(), "reading the document as a Backup"),
            (other.as_bytes(), "the document is a velero.io/v1 Restore, not a velero.io/v1 Backup"),
            (wrong.as_bytes(), "reading the document as a Backup"),
            (&too_large, "the document has 16777217 bytes, more than 16777216"),
        ];
        for (bytes, message) in cases {
            assert_eq!(Document::<Backup>::parse(bytes).unwrap_err().to_string(), message);
        }
    }
}
