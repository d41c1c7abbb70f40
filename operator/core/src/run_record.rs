//! What a run writes down about itself, so that whoever comes after a crash knows what was under way.
//!
//! The record is a JSON annotation on the Backup or Restore, written with the resource version that the decision was made on: of two
//! servers that both think they lead, one gets a conflict.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How often a run is begun at most. One that ends its server each time must not go on doing so; a third try is one more than a server
/// that is updated and a node that is drained at the same time take.
pub const MAX_ATTEMPTS: u32 = 3;

/// How often a restore is begun without getting any further. It begins where it stood, and doing so again does no harm; how far it is is
/// written down once a second, so that a server that lives shorter than that has made no progress that anybody knows of.
pub const MAX_RESTORE_ATTEMPTS: u32 = 20;

/// Bytes of operations in a record. All annotations of an object may have 256 KiB together; this is a quarter, and room for some 400
/// operations of 150 bytes. Those beyond are in no record and end by themselves.
const OPERATIONS_BYTES: usize = 64 << 10;

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
    /// Operations that items have begun: whoever finds the run interrupted tells their actions to end them, because items that are taken
    /// again begin new ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OpenOperation>,
    /// All items are in the bucket, and the document says so: what is left to do can be done by any server.
    #[serde(default, skip_serializing_if = "is_false")]
    pub items_done: bool,
    /// Items that the attempts before this one had restored at most. One that gets further has made the restart worth while.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reached: u64,
    /// Pods whose hooks before the backup ran, or began to, and whose hooks after it did not end yet: to be run by whoever finds the run
    /// interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<OpenHooks>,
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

/// Pods whose open hooks are recorded at once. An entry has at most 400 bytes (names of 63 and 253 characters, a uid of 36), so these
/// are 100 KiB of the 256 KiB that all annotations of an object may have together. Pods are open while their block is worked on, which are
/// a handful.
pub const OPEN_HOOKS_LIMIT: usize = 256;

/// A pod that waits for its hooks after the backup. Which those are is in its annotations and in the spec of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenHooks {
    /// metadata.namespace.
    pub namespace: String,
    /// metadata.name.
    pub name: String,
    /// metadata.uid: another pod of the same name has nothing to close.
    pub uid: String,
}

/// An operation that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOperation {
    /// The action's name.
    pub action: String,
    /// As the action calls it.
    pub id: String,
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
    /// The record of a run that `leader` starts now, after whatever `before` tells; what was under way then has been ended.
    pub fn start(before: Option<&RunRecord>, leader: &str) -> Self {
        let attempt = before.map_or(1, |record| record.attempt.saturating_add(1));
        let (hooks, rest) =
            before.map(|record| (record.hooks.clone(), record.rest.clone())).unwrap_or_default();
        Self { attempt, leader: leader.to_owned(), hooks, rest, ..Self::default() }
    }

    /// The record of a run that `leader` begins again now, after attempts of which the last had `done` items behind it. One that got
    /// further than all before it counts as the first: a large restore on a cluster that is often upgraded comes to its end.
    pub fn start_again(before: Option<&RunRecord>, leader: &str, done: u64) -> Self {
        let reached = before.map_or(0, |record| record.reached);
        let mut record = Self::start(before, leader);
        if done > reached {
            record.attempt = 2;
        }
        record.reached = reached.max(done);
        // They are still to be cancelled.
        record.operations = before.map(|record| record.operations.clone()).unwrap_or_default();
        record
    }

    /// Notes that a pod waits for its hooks after the backup; beyond [`OPEN_HOOKS_LIMIT`] nothing more is noted.
    pub fn open_hooks(&mut self, pod: &OpenHooks) {
        if self.hooks.len() < OPEN_HOOKS_LIMIT && !self.has_open_hooks(pod) {
            self.hooks.push(pod.clone());
        }
    }

    /// Notes that a pod waits no more.
    pub fn close_hooks(&mut self, pod: &OpenHooks) {
        self.hooks.retain(|open| open != pod);
    }

    /// Whether it is noted that a pod waits for its hooks.
    pub fn has_open_hooks(&self, pod: &OpenHooks) -> bool {
        self.hooks.contains(pod)
    }

    /// Reads the annotation. What cannot be read counts as no record: the run is then treated as interrupted.
    pub fn parse(annotation: Option<&str>) -> Option<Self> {
        annotation.and_then(|text| serde_json::from_str(text).ok())
    }

    /// The annotation's text.
    pub fn to_annotation(&self) -> String {
        serde_json::to_string(self).expect("a record of strings and numbers has no value that JSON lacks")
    }

    /// Keeps an operation in mind, as long as there is room.
    pub fn remember_operation(&mut self, action: &str, id: &str) {
        let size = |action: &str, id: &str| action.len() + id.len() + r#"{"action":"","id":""},"#.len();
        let taken: usize = self.operations.iter().map(|known| size(&known.action, &known.id)).sum();
        if taken + size(action, id) <= OPERATIONS_BYTES {
            self.operations.push(OpenOperation { action: action.to_owned(), id: id.to_owned() });
        }
    }

    /// Why a run that was interrupted is not begun again after `most` attempts; none: it may be. A run without a record counts as one that
    /// was begun once.
    pub fn given_up(record: Option<&RunRecord>, most: u32) -> Option<String> {
        let RunRecord { attempt, leader, .. } = record.filter(|record| record.attempt >= most)?;
        Some(format!(
            "the run was interrupted in each of its {attempt} attempts, the last of them by {leader}; it is not begun again"
        ))
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

#[expect(clippy::trivially_copy_pass_by_ref)] // serde calls it so
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref)] // serde calls it so
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_and_unknown_keys_survive() {
        let before = RunRecord::parse(Some(r#"{"attempt":2,"leader":"a","newer":[1]}"#)).unwrap();
        let next = RunRecord::start(Some(&before), "b");
        assert_eq!(next.attempt, 3);
        assert_eq!(next.to_annotation(), r#"{"attempt":3,"leader":"b","newer":[1]}"#);
    }

    #[test]
    fn open_hooks_are_noted_once_and_within_a_limit() {
        let pod = |n: usize| OpenHooks { namespace: "a".into(), name: format!("db-{n}"), uid: "u".into() };
        let mut record = RunRecord::start(None, "a");
        (0..OPEN_HOOKS_LIMIT + 2).for_each(|n| record.open_hooks(&pod(n)));
        record.open_hooks(&pod(0));
        assert_eq!(record.hooks.len(), OPEN_HOOKS_LIMIT);
        record.close_hooks(&pod(0));
        assert!(!record.has_open_hooks(&pod(0)) && record.has_open_hooks(&pod(1)));
        assert_eq!(RunRecord::parse(Some(&record.to_annotation())), Some(record));
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

    #[test]
    fn a_run_is_begun_three_times() {
        let mut record = RunRecord::start(None, "a");
        assert_eq!(RunRecord::given_up(None, MAX_ATTEMPTS), None);
        for leader in ["b", "c"] {
            assert_eq!(RunRecord::given_up(Some(&record), MAX_ATTEMPTS), None);
            record = RunRecord::start(Some(&record), leader);
        }
        let reason = RunRecord::given_up(Some(&record), MAX_ATTEMPTS).unwrap();
        assert!(reason.contains("3 attempts, the last of them by c"), "{reason}");
    }

    #[test]
    fn a_run_that_gets_further_has_its_attempts_before_it_again() {
        let mut first = RunRecord::start(None, "a");
        first.remember_operation("test.example/move", "one");
        let second = RunRecord::start_again(Some(&first), "b", 100);
        assert_eq!((second.attempt, second.reached), (2, 100));
        assert_eq!(second.operations, first.operations, "they are still to be cancelled");
        let third = RunRecord::start_again(Some(&second), "c", 100);
        assert_eq!((third.attempt, third.reached), (3, 100));
        let further = RunRecord::start_again(Some(&third), "d", 101);
        assert_eq!((further.attempt, further.reached), (2, 101));
        assert_eq!(RunRecord::parse(Some(&further.to_annotation())), Some(further));
    }

    #[test]
    fn operations_are_remembered_as_long_as_the_record_has_room() {
        let mut record = RunRecord::start(None, "a");
        for number in 0..5000 {
            record.remember_operation("test.example/move", &format!("operation-{number}"));
        }
        let text = record.to_annotation();
        assert!(record.operations.len() > 400 && text.len() <= OPERATIONS_BYTES + 200, "{}", text.len());
        assert_eq!(RunRecord::parse(Some(&text)), Some(record));
    }
}
