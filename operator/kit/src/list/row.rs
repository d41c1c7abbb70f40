//! One action in the list, out of what a ConfigMap says, what a server wrote on it, and what the server says of the action.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_api::{item_actions::ItemActionEntry, labels::annotations::ITEM_ACTION_STATUS};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{delivery, measure, screen::line};

/// Digits of a digest that tell actions apart.
const SHORT_DIGEST: usize = 12;

/// Those of the table.
pub(super) const HEADS: [&str; 8] =
    ["NAME", "ON", "CONFIGMAP", "DIGEST", "STATE", "CALLS", "FAILURES", "PER CALL"];

/// States that a server tells only of ConfigMaps, in its words.
const LOADED: &str = "Loaded";
const REFUSED: &str = "Refused";

/// One action; what is not known is `None`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    name: Option<String>,
    on: Vec<String>,
    /// Name of the ConfigMap, or `built-in`.
    source: String,
    built_in: bool,
    digest: Option<String>,
    state: Option<String>,
    message: Option<String>,
    calls: Option<u64>,
    failures: Option<u64>,
    seconds: Option<f64>,
}

/// The annotation, as far as it is understood.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    state: Option<String>,
    message: Option<String>,
    digest: Option<String>,
}

/// The ConfigMaps and what the server told. With its answer the rows are in the order in which actions are called, and what is not called comes last;
/// without it they are in the order of their names.
pub(super) fn merged(configmaps: &[ConfigMap], answer: Option<&[ItemActionEntry]>) -> Vec<Row> {
    let mut own: Vec<Row> = configmaps.iter().map(Row::of).collect();
    own.sort_by(|a, b| (&a.name, &a.source).cmp(&(&b.name, &b.source)));
    let mut rows = Vec::new();
    for entry in answer.unwrap_or_default() {
        let source = entry.source.rsplit('/').next().unwrap_or_default();
        let place = own.iter().position(|row| !entry.built_in && row.source == source);
        rows.push(Row::called(entry, source, place.map(|place| own.remove(place))));
    }
    rows.extend(own);
    rows
}

impl Row {
    fn of(configmap: &ConfigMap) -> Self {
        let metadata = &configmap.metadata;
        let manifest: Value = delivery::manifest(configmap)
            .and_then(|text| serde_yaml_ng::from_str(text).ok())
            .unwrap_or_default();
        let annotation = metadata.annotations.as_ref().and_then(|all| all.get(ITEM_ACTION_STATUS));
        let status: Status = annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let roles = manifest["on"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            name: manifest["name"].as_str().map(str::to_owned),
            on: roles.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            source: metadata.name.clone().unwrap_or_default(),
            built_in: false,
            digest: filled(status.digest),
            state: filled(status.state),
            message: filled(status.message),
            calls: None,
            failures: None,
            seconds: None,
        }
    }

    /// What the server says of an action that it calls goes before what it once wrote on the ConfigMap.
    fn called(entry: &ItemActionEntry, source: &str, written: Option<Self>) -> Self {
        let ItemActionEntry { name, on, digest, built_in, problem, calls, failures, seconds, .. } =
            entry.clone();
        let written = written.filter(|row| row.state.as_ref().is_some_and(|state| state != REFUSED));
        let (state, message) = match (problem, written) {
            (Some(problem), _) => (REFUSED.to_owned(), Some(problem)),
            (None, Some(Self { state: Some(state), message, .. })) => (state, message),
            (None, _) => (LOADED.to_owned(), None),
        };
        Self {
            name: Some(name),
            on,
            source: source.to_owned(),
            built_in,
            digest: filled(Some(digest)),
            state: Some(state),
            message,
            calls: Some(calls),
            failures: Some(failures),
            seconds: Some(seconds),
        }
    }

    /// What is wrong with it.
    pub(super) fn remark(&self) -> Option<&str> {
        self.message.as_deref().filter(|_| self.state.as_deref() != Some(LOADED))
    }

    /// In the order of [`HEADS`].
    pub(super) fn cells(&self) -> [String; HEADS.len()] {
        let text = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |text| line(text).into_owned());
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let digest = self.digest.as_deref().map(|digest| {
            let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
            hex.chars().take(SHORT_DIGEST).collect::<String>()
        });
        let on = self.on.join(",");
        [
            text(self.name.as_deref()),
            text(Some(on.as_str()).filter(|on| !on.is_empty())),
            text(Some(&self.source)),
            text(digest.as_deref()),
            text(self.state.as_deref()),
            number(self.calls),
            number(self.failures),
            self.per_call().map_or_else(|| "-".to_owned(), measure::time),
        ]
    }

    fn per_call(&self) -> Option<Duration> {
        let (calls, seconds) = (self.calls.filter(|calls| *calls > 0)?, self.seconds?);
        Duration::try_from_secs_f64(seconds / calls as f64).ok()
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
