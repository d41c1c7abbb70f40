//! Which actions a run was made with, on the Backup or Restore itself and so in the bucket: the annotation `lateen.dev/item-actions`.
//!
//! A compact list of those that came from ConfigMaps, `[{"name", "digest", "source"}]` in the order of their calls. The server's own are known by its
//! version. It ends where an annotation would become a burden; the run's log has all actions with their whole digests.

use std::fmt::Debug;

use kube::{Resource, ResourceExt};
use lateen_actions::{ActionInfo, ActionRun, Purpose};
use lateen_api::labels::annotations::ITEM_ACTIONS;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::roles;
use crate::run_status::{RunStatus, SharedRunStatus, StatusError};

/// Bytes of the annotation at most: all annotations of an object together may have 256 KiB. Room for some hundred actions.
const LIMIT: usize = 16 * 1024;

/// Hexadecimal digits of a digest: 48 bits tell apart whatever a cluster has seen.
const DIGITS: usize = 12;

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    digest: &'a str,
    source: &'a str,
}

/// The annotation's text; `None` where no action of a ConfigMap is asked by such a run.
pub fn record(run: &ActionRun, purpose: Purpose) -> Option<String> {
    let actions = run.set().describe();
    let asked = |action: &&ActionInfo| action.roles.iter().any(|role| roles(purpose).contains(role));
    list(actions.iter().filter(asked).filter(|action| !action.built_in))
}

/// Writes the record onto the object of the run, unless there is nothing to write; what another run has left there goes.
pub async fn write_record<K>(status: &mut RunStatus<K>, record: Option<String>) -> Result<(), StatusError>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    if status.current().annotations().get(ITEM_ACTIONS) == record.as_ref() {
        return Ok(());
    }
    status.update(|object| put(object, record.as_ref())).await
}

/// The same through a handle that several tasks share.
pub async fn write_shared_record<K>(
    status: &SharedRunStatus<K>,
    record: Option<String>,
) -> Result<(), StatusError>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default,
{
    if status.current().annotations().get(ITEM_ACTIONS) == record.as_ref() {
        return Ok(());
    }
    status.update(move |object| put(object, record.as_ref())).await
}

fn put(object: &mut impl Resource, record: Option<&String>) {
    match record {
        Some(text) => drop(object.annotations_mut().insert(ITEM_ACTIONS.to_owned(), text.clone())),
        None => drop(object.annotations_mut().remove(ITEM_ACTIONS)),
    }
}

fn list<'a>(actions: impl Iterator<Item = &'a ActionInfo>) -> Option<String> {
    let mut text = String::new();
    for ActionInfo { name, digest, source, .. } in actions {
        let digest = digest.get(..DIGITS).unwrap_or(digest);
        let entry = serde_json::to_string(&Entry { name, digest, source })
            .expect("a struct of strings has no value that JSON lacks");
        if text.len() + entry.len() + 2 > LIMIT {
            break;
        }
        text.push(if text.is_empty() { '[' } else { ',' });
        text.push_str(&entry);
    }
    if text.is_empty() { None } else { Some(text + "]") }
}

#[cfg(test)]
mod tests {
    use lateen_actions::ActionStats;

    use super::*;

    fn action(name: String) -> ActionInfo {
        ActionInfo {
            name,
            roles: Vec::new(),
            digest: "0123456789abcdef".into(),
            engine: None,
            source: "velero/a".into(),
            built_in: false,
            problem: None,
            stats: ActionStats::default(),
        }
    }

    #[test]
    fn the_list_has_an_end_and_stays_json() {
        let one = [action("a.example/b".into())];
        assert_eq!(
            list(one.iter()).unwrap(),
            r#"[{"name":"a.example/b","digest":"0123456789ab","source":"velero/a"}]"#
        );
        let many: Vec<ActionInfo> = (0..1000).map(|n| action(format!("a.example/{n}"))).collect();
        let text = list(many.iter()).unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert!(text.len() <= LIMIT && entries.len() > 100, "{} entries", entries.len());
        assert_eq!(list([].iter()), None);
    }
}
