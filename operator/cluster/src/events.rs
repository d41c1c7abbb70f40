//! Events on objects: what went right or wrong, told where `kubectl describe` shows it.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, Reporter};

pub use kube::runtime::events::EventType;

use crate::request::RequestError;

/// The longest note in bytes that the API server takes.
pub const NOTE_LIMIT: usize = 1024;

/// What a cut note ends with.
const CUT: &str = " ...";

/// Publishes events; a repeated one is counted up instead of published again. Cheap to clone, and clones count together.
#[derive(Clone)]
pub struct Recorder(kube::runtime::events::Recorder);

impl Recorder {
    /// A recorder in the name of that controller; `instance` is the pod, if there is one.
    pub fn new(client: Client, controller: &str, instance: Option<String>) -> Self {
        let reporter = Reporter { controller: controller.to_owned(), instance };
        Self(kube::runtime::events::Recorder::new(client, reporter))
    }

    /// Publishes an event about an object, in the object's namespace (`default` for cluster-scoped objects). Reason and action are short
    /// words in PascalCase; a note longer than [`NOTE_LIMIT`] is cut. An event that cannot be published is lost, and that is all the
    /// error means.
    pub async fn publish(
        &self,
        about: &ObjectReference,
        type_: EventType,
        reason: &str,
        action: &str,
        note: &str,
    ) -> Result<(), RequestError> {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            action: action.to_owned(),
            note: Some(cut(note)),
            secondary: None,
        };
        Ok(self.0.publish(&event, about).await?)
    }
}

fn cut(note: &str) -> String {
    if note.len() <= NOTE_LIMIT {
        return note.to_owned();
    }
    let end = note.floor_char_boundary(NOTE_LIMIT - CUT.len());
    format!("{}{CUT}", &note[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_characters() {
        let note = cut(&"ü".repeat(NOTE_LIMIT));
        assert!(note.len() <= NOTE_LIMIT && note.ends_with("ü ..."), "{note}");
        assert_eq!(cut("short"), "short");
    }
}
