//! The results document of a run: its warnings and errors, grouped by where they belong.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// Messages of one level, grouped. Empty groups are left out of the JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// About the run as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub velero: Vec<String>,
    /// About cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub cluster: Vec<String>,
    /// About objects in namespaces.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_default")]
    pub namespaces: BTreeMap<String, Vec<String>>,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Which group of the document a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The run as a whole.
    Run,
    /// Cluster-scoped objects.
    Cluster,
    /// Objects of this namespace.
    Namespace(String),
}

impl Place {
    /// The group of an object with this namespace, if any.
    pub fn of(namespace: Option<&str>) -> Self {
        match namespace {
            Some(namespace) if !namespace.is_empty() => Self::Namespace(namespace.to_owned()),
            _ => Self::Cluster,
        }
    }
}

impl Messages {
    /// Adds one message.
    pub fn add(&mut self, place: &Place, message: String) {
        match place {
            Place::Run => self.velero.push(message),
            Place::Cluster => self.cluster.push(message),
            Place::Namespace(namespace) => {
                self.namespaces.entry(namespace.clone()).or_default().push(message);
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.velero.len() + self.cluster.len() + self.namespaces.values().map(Vec::len).sum::<usize>()
    }
}

impl Messages {
    fn add_all(&mut self, later: Messages) {
        let Messages { velero, cluster, namespaces } = later;
        add_new(&mut self.velero, velero);
        add_new(&mut self.cluster, cluster);
        for (namespace, messages) in namespaces {
            add_new(self.namespaces.entry(namespace).or_default(), messages);
        }
    }
}

fn add_new(messages: &mut Vec<String>, later: Vec<String>) {
    let known: HashSet<String> = messages.iter().cloned().collect();
    messages.extend(later.into_iter().filter(|message| !known.contains(message)));
}

/// The document: `{"errors":{},"warnings":{}}` where nothing went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// What failed.
    #[serde(default)]
    pub errors: Messages,
    /// What is worth a look.
    #[serde(default)]
    pub warnings: Messages,
}

impl Results {
    /// Adds what came later. What is there already, word for word, is not added again: whoever adds may have died before telling so.
    pub fn add(&mut self, later: Results) {
        let Results { errors, warnings } = later;
        self.errors.add_all(errors);
        self.warnings.add_all(warnings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_groups_are_left_out() {
        let mut results = Results::default();
        assert_eq!(serde_json::to_string(&results).unwrap(), r#"{"errors":{},"warnings":{}}"#);
        results.warnings.add(&Place::of(Some("app")), "w".into());
        results.errors.add(&Place::of(None), "e".into());
        assert_eq!(
            serde_json::to_string(&results).unwrap(),
            r#"{"errors":{"cluster":["e"]},"warnings":{"namespaces":{"app":["w"]}}}"#
        );
        assert_eq!(results.warnings.count() + results.errors.count(), 2);
    }

    #[test]
    fn what_came_later_is_added_once() {
        let app = Place::Namespace("app".into());
        let mut results = Results::default();
        results.errors.add(&app, "first".into());
        let mut later = Results::default();
        later.errors.add(&app, "second".into());
        later.errors.add(&app, "second".into());
        later.warnings.add(&Place::Run, "odd".into());
        results.add(later.clone());
        results.add(later);
        assert_eq!(results.errors.namespaces["app"], ["first", "second", "second"]);
        assert_eq!(results.warnings.velero, ["odd"]);
    }
}
