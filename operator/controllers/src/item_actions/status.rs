//! What became of a ConfigMap, told where its author looks: an Event, an annotation, a line in the server's log.
//!
//! The annotation `lateen.dev/item-action-status` holds `{"state", "message", "digest"}` and is written when it differs from what is there. The state is
//! one of Loaded, SwitchedOff, Incomplete (parts are missing, the last complete version stays in use), Ignored (another ConfigMap has the name) and Refused
//! (it cannot be used, and what it is for fails).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::EventType;
use kube::{Api, Resource, ResourceExt};
use lateen_actions::{SourceReport, SourceState};
use lateen_api::labels::annotations::ITEM_ACTION_STATUS;
use lateen_cluster::events::{NOTE_LIMIT, Recorder};
use serde::Serialize;

use crate::context::Context;
use crate::known::Known;

/// Tells authors, each thing once.
pub(super) struct Teller {
    api: Api<ConfigMap>,
    recorder: Recorder,
    /// What was told, by source.
    told: BTreeMap<String, SourceReport>,
}

/// The annotation's value.
#[derive(Debug, Serialize)]
struct Status<'a> {
    state: String,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl Teller {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            api: context.api(),
            recorder: Recorder::new(context.client.clone(), "lateen", None),
            told: BTreeMap::new(),
        }
    }

    /// Tells what is new in these reports.
    pub(super) async fn tell(&mut self, known: &Known<ConfigMap>, reports: &[SourceReport]) {
        self.told.retain(|source, _| reports.iter().any(|report| report.source == *source));
        for report in reports {
            let name = report.source.rsplit('/').next().unwrap_or_default();
            let Some(source) = known.get(name) else { continue };
            let annotation = annotation(report);
            // Before the Event, so that whoever has seen that finds the annotation too.
            if source.annotations().get(ITEM_ACTION_STATUS) != Some(&annotation) {
                self.annotate(source, &annotation).await;
            }
            if self.told.insert(report.source.clone(), report.clone()).as_ref() != Some(report) {
                self.event(source, report).await;
            }
        }
    }

    async fn event(&self, source: &ConfigMap, report: &SourceReport) {
        let text = report.to_string();
        let (kind, reason) = match report.state() {
            SourceState::Loaded => (EventType::Normal, "ActionLoaded"),
            SourceState::SwitchedOff => (EventType::Normal, "ActionSwitchedOff"),
            SourceState::Incomplete => (EventType::Warning, "ActionIncomplete"),
            SourceState::Ignored => (EventType::Warning, "ActionIgnored"),
            SourceState::Refused => (EventType::Warning, "ActionRefused"),
        };
        match kind {
            EventType::Normal => tracing::info!(config_map = report.source, "{text}"),
            EventType::Warning => {
                tracing::warn!(config_map = report.source, state = %report.state(), error = text, "the item action cannot be used as it is");
            }
        }
        let published = self.recorder.publish(&source.object_ref(&()), kind, reason, "Load", &text).await;
        if let Err(error) = published {
            tracing::warn!(config_map = report.source, %error, "the event was not published");
        }
    }

    async fn annotate(&self, source: &ConfigMap, annotation: &str) {
        let name = source.name_any();
        // With the uid: the author may have replaced the ConfigMap meanwhile.
        let patch = serde_json::json!({ "metadata": {
            "uid": source.uid(), "annotations": { ITEM_ACTION_STATUS: annotation },
        } });
        let params = PatchParams { field_manager: Some("lateen".to_owned()), ..PatchParams::default() };
        match self.api.patch_metadata(&name, &params, &Patch::Merge(&patch)).await {
            Ok(_) => {}
            // Gone, or another one of that name: the watch will tell.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => {
                tracing::warn!(config_map = name, %error, "the annotation {ITEM_ACTION_STATUS} was not written");
            }
        }
    }
}

fn annotation(report: &SourceReport) -> String {
    let loaded = report.outcome.as_ref().ok();
    let digest = loaded.map(|loaded| loaded.digest.as_str()).filter(|digest| !digest.is_empty());
    let mut message = report.to_string();
    message.truncate(message.floor_char_boundary(NOTE_LIMIT));
    let status = Status {
        state: report.state().to_string(),
        message,
        digest: digest.map(|digest| format!("sha256:{digest}")).unwrap_or_default(),
        name: loaded.map(|loaded| loaded.name.as_str()),
    };
    serde_json::to_string(&status).expect("a struct of strings has no value that JSON lacks")
}

#[cfg(test)]
mod tests {
    use lateen_actions::{Effect, LoadedSource, Role, SourceProblem};

    use super::*;

    fn report(outcome: Result<LoadedSource, SourceProblem>) -> SourceReport {
        SourceReport { source: "velero/a".into(), outcome }
    }

    #[test]
    fn the_annotation_is_short_and_says_it_all() {
        let loaded = LoadedSource {
            name: "a.example/b".into(),
            roles: vec![Role::Backup],
            digest: "ab12".into(),
            switched_off: false,
            replaces: vec![Role::Backup],
        };
        assert_eq!(
            annotation(&report(Ok(loaded))),
            r#"{"state":"Loaded","message":"item action a.example/b is loaded, sha256:ab12; it takes the place of the built-in one for backup","digest":"sha256:ab12","name":"a.example/b"}"#
        );
        let reason = "ü".repeat(NOTE_LIMIT);
        let text = annotation(&report(Err(SourceProblem { effect: Effect::Fails, reason })));
        assert!(
            text.starts_with(r#"{"state":"Refused","message":"ü"#) && text.len() < NOTE_LIMIT + 100,
            "{text}"
        );
        let problem = SourceProblem { effect: Effect::LastGood, reason: "a chunk is missing".into() };
        assert_eq!(
            annotation(&report(Err(problem))),
            r#"{"state":"Incomplete","message":"a chunk is missing; the last complete version stays in use"}"#
        );
    }
}
