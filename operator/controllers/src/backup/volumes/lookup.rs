//! Claims, volumes and users of claims, asked of the API server once as long as there is room to remember the answer.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use kube::Client;
use lateen_api::labels::annotations::BACKUP_VOLUMES;
use lateen_cluster::{list, object};
use lateen_core::backup::volumes::{Claim, Pod, Volume, VolumeRules, copied_claims};
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use serde_json::Value;
use tokio::sync::OnceCell;

/// Answers of one sort that are remembered. A claim or volume is some 1 KiB here, mostly labels: 4 MiB for each of the two.
const REMEMBERED: usize = 4096;

/// Namespaces whose pods are remembered: the names of the claims that pods have copied, of some 60 bytes. With a hundred in every one
/// of these namespaces that is 6 MiB.
const NAMESPACES: usize = 1024;

/// Why something is not known.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {reason}")]
pub(super) struct LookupError {
    what: String,
    reason: String,
}

/// What is remembered of a run's questions.
pub(super) struct Lookups {
    client: Client,
    page_size: u32,
    claims: Remembered<ObjectName, Option<Arc<Claim>>>,
    volumes: Remembered<String, Option<Arc<Volume>>>,
    copied: Remembered<String, Arc<OnceCell<HashSet<Box<str>>>>>,
}

impl Lookups {
    pub(super) fn new(client: Client, page_size: u32) -> Self {
        Self {
            client,
            page_size,
            claims: Remembered::new(REMEMBERED),
            volumes: Remembered::new(REMEMBERED),
            copied: Remembered::new(NAMESPACES),
        }
    }

    /// A claim; None if there is none of that name.
    pub(super) async fn claim(&self, name: &ObjectName) -> Result<Option<Arc<Claim>>, LookupError> {
        if let Some(known) = self.claims.get(name) {
            return Ok(known);
        }
        let found = self.read(&claims(), name).await?.map(|item| Arc::new(Claim::read(&item)));
        self.claims.put(name.clone(), found.clone());
        Ok(found)
    }

    /// A PersistentVolume; None if there is none of that name, or no name.
    pub(super) async fn volume(&self, name: &str) -> Result<Option<Arc<Volume>>, LookupError> {
        if name.is_empty() {
            return Ok(None);
        }
        let key = name.to_owned();
        if let Some(known) = self.volumes.get(&key) {
            return Ok(known);
        }
        let kind = core_kind("persistentvolumes", "PersistentVolume", false);
        let found = self.read(&kind, &ObjectName::new(None, name)).await?;
        let found = found.map(|item| Arc::new(Volume::read(&item)));
        self.volumes.put(key, found.clone());
        Ok(found)
    }

    /// Whether some pod has the files of a claim copied, as far as its annotations and the spec say. Pods that are not in the backup count
    /// as well.
    pub(super) async fn copied(&self, rules: &VolumeRules, claim: &ObjectName) -> Result<bool, LookupError> {
        let namespace = claim.namespace.clone().unwrap_or_default();
        let cell = self.copied.get(&namespace).unwrap_or_else(|| {
            let cell = Arc::new(OnceCell::new());
            self.copied.put(namespace.clone(), Arc::clone(&cell));
            cell
        });
        // Whoever asks at the same time waits for the one list.
        let copied = cell.get_or_try_init(|| self.list_copied(rules, &namespace)).await?;
        Ok(copied.contains(claim.name.as_str()))
    }

    async fn list_copied(
        &self,
        rules: &VolumeRules,
        namespace: &str,
    ) -> Result<HashSet<Box<str>>, LookupError> {
        let failed =
            |reason: String| LookupError { what: format!("the pods of namespace {namespace}"), reason };
        let kind = core_kind("pods", "Pod", true);
        let mut pages = pin!(list::pages(&self.client, &kind, Some(namespace), "", self.page_size));
        let mut copied = HashSet::new();
        while let Some(page) = pages.try_next().await.map_err(|error| failed(error.line()))? {
            for item in page.items() {
                // Most pods ask for nothing: a look at the text says so.
                if !rules.copy_files_by_default && !item.contains(BACKUP_VOLUMES) {
                    continue;
                }
                let pod: Value = serde_json::from_str(item).map_err(|error| failed(error.to_string()))?;
                copied.extend(copied_claims(rules, Pod::new(&pod)).map(Box::from));
            }
        }
        Ok(copied)
    }

    async fn read(&self, kind: &ServedKind, name: &ObjectName) -> Result<Option<Value>, LookupError> {
        let failed = |reason: String| LookupError { what: format!("{} {name}", kind.kind), reason };
        let text = object::get(&self.client, kind, name).await.map_err(|error| failed(error.line()))?;
        let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
        parsed.map_err(|error| failed(error.to_string()))
    }
}

/// Every API server has these in this version and no other.
fn core_kind(resource: &str, kind: &str, namespaced: bool) -> ServedKind {
    ServedKind {
        group_resource: GroupResource::new("", resource),
        version: "v1".into(),
        kind: kind.into(),
        singular: kind.to_lowercase(),
        short_names: Vec::new(),
        namespaced,
        verbs: Vec::new(),
    }
}

/// The kind of claims.
pub(super) fn claims() -> ServedKind {
    core_kind("persistentvolumeclaims", "PersistentVolumeClaim", true)
}

/// Answers by question. When it is full it forgets all of them: questions about the same things come close together.
struct Remembered<K, V> {
    limit: usize,
    answers: Mutex<HashMap<K, V>>,
}

impl<K: Hash + Eq, V: Clone> Remembered<K, V> {
    fn new(limit: usize) -> Self {
        Self { limit, answers: Mutex::default() }
    }

    fn get(&self, question: &K) -> Option<V> {
        self.lock().get(question).cloned()
    }

    fn put(&self, question: K, answer: V) {
        let mut answers = self.lock();
        if answers.len() >= self.limit {
            answers.clear();
        }
        answers.insert(question, answer);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_an_end() {
        let answers = Remembered::new(2);
        for question in 0..5 {
            answers.put(question, question * 10);
            assert_eq!(answers.get(&question), Some(question * 10));
        }
        assert!(answers.lock().len() <= 2);
    }
}
