//! What a run writes down about itself, so that whoever comes after a crash knows what was under way.
//!
//! The record is a JSON annotation on the Backup or Restore, written with the resource version that the decision was made on: of two
//! servers that both think they lead, one gets a conflict.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The record of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// How often the run was started, from 1.
    pub attempt: u32,
    /// Which server process runs it: unique for the life of a process.
    pub leader: String,
    /// Multipart uploads that were begun, by key in the bucket: to be aborted by whoever finds the run interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<OpenUpload>,
    /// What a newer server wrote and this one does not know.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenUpload {
    /// Key in the bucket.
    pub key: String,
    /// The store's id of the upload, where the store has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What to do with a run that is found in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This process runs it; leave it alone.
    Ours,
    /// Whoever ran it is gone: clean up and end it with this reason.
    Interrupted {
        /// For status.failureReason.
        reason: String,
    },
}

impl RunRecord {
    /// The record of a run that `leader` starts now, after whatever `before` tells.
    pub fn start(before: Option<&RunRecord>, leader: &str) -> Self {
        let attempt = before.map_or(1, |record| record.attempt.saturating_add(1));
        let rest = before.map(|record| record.rest.clone()).unwrap_or_default();
        Self { attempt, leader: leader.to_owned(), uploads: Vec::new(), rest }
    }

    /// Reads the annotation. What cannot be read counts as no record: the run is then treated as interrupted.
    pub fn parse(annotation: Option<&str>) -> Option<Self> {
        annotation.and_then(|text| serde_json::from_str(text).ok())
    }

    /// The annotation's text.
    pub fn to_annotation(&self) -> String {
        serde_json::to_string(self).expect("a record of strings and numbers has no value that JSON lacks")
    }

    /// Decides about a run found in phase `phase` at a moment when `leader` is this process.
    pub fn found(record: Option<&RunRecord>, phase: &str, leader: &str) -> Found {
        match record {
            Some(record) if record.leader == leader => Found::Ours,
            Some(record) => Found::Interrupted {
                reason: format!(
                    "found in phase {phase:?} without a server that works on it (attempt {} was run by {}); it was interrupted and cannot be continued",
                    record.attempt, record.leader
                ),
            },
            None => Found::Interrupted {
                reason: format!(
                    "found in phase {phase:?} at server start without a record of its run; it was interrupted"
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_and_unknown_keys_survive() {
        let before = RunRecord::parse(Some(r#"{"attempt":2,"leader":"a","hooks":[1]}"#)).unwrap();
        let next = RunRecord::start(Some(&before), "b");
        assert_eq!(next.attempt, 3);
        assert_eq!(next.to_annotation(), r#"{"attempt":3,"leader":"b","hooks":[1]}"#);
    }

    #[test]
    fn only_the_process_that_wrote_the_record_owns_the_run() {
        let record = RunRecord::start(None, "a");
        assert_eq!(RunRecord::found(Some(&record), "InProgress", "a"), Found::Ours);
        assert!(matches!(RunRecord::found(Some(&record), "InProgress", "b"), Found::Interrupted { .. }));
        assert!(matches!(
            RunRecord::found(RunRecord::parse(Some("{")).as_ref(), "InProgress", "b"),
            Found::Interrupted { .. }
        ));
    }
}
