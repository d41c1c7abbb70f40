//! What becomes of a namespace that objects would be restored into.

use lateen_cluster::object;
use lateen_core::journal::Level;
use lateen_core::kind::{GroupResource, ObjectName};
use lateen_core::restore::plan::NamespaceStep;
use lateen_core::restore::preview::{NamespaceFate, NamespacePreview};
use lateen_core::results::Place;
use serde_json::Value;

use super::refusal::Refusal;
use super::{DRY_RUN, Decisions, Foresight, lock};

impl Foresight {
    /// Whether objects could be put into the namespace. `body`: how it would be made.
    pub(in crate::restore) async fn namespace(
        &self,
        decisions: &Decisions,
        step: &NamespaceStep,
        body: String,
    ) -> bool {
        let (fate, reason) = self.fate_of(decisions, step, body).await;
        if let (NamespaceFate::Refuse, Some(reason)) = (fate, &reason) {
            let line = format!("could not create namespace {}: {reason}", step.target);
            decisions.journal.result(Level::Error, &Place::Run, line);
        }
        lock(&self.namespaces).push(NamespacePreview {
            name: step.target.clone(),
            from: (step.source != step.target).then(|| step.source.clone()),
            fate,
            in_backup: step.object.is_some(),
            reason,
        });
        fate != NamespaceFate::Refuse
    }

    async fn fate_of(
        &self,
        decisions: &Decisions,
        step: &NamespaceStep,
        body: String,
    ) -> (NamespaceFate, Option<String>) {
        let resource = GroupResource::new("", "namespaces");
        let Some(kind) = decisions.served(&resource) else {
            return (NamespaceFate::Unknown, Some("the cluster does not serve namespaces".into()));
        };
        let client = &decisions.context.client;
        let lacks = |verb: &'static str| {
            self.gathering().lacks(verb, &resource, None);
            (NamespaceFate::Unknown, Some(format!("you may not {verb} namespaces")))
        };
        match object::get(client, &kind, &ObjectName::new(None, &step.target)).await {
            Ok(Some(json)) => {
                let there: Value = serde_json::from_str(&json).unwrap_or_default();
                let going = there.pointer("/metadata/deletionTimestamp").is_some();
                return (if going { NamespaceFate::Terminating } else { NamespaceFate::Exists }, None);
            }
            Ok(None) => {}
            Err(error) if Refusal::of(&error) == Refusal::Rights => return lacks("get"),
            Err(error) => return (NamespaceFate::Unknown, Some(error.line())),
        }
        match object::create(client, &kind, None, body, DRY_RUN).await {
            Ok(_) => (NamespaceFate::Create, None),
            Err(error) => match Refusal::of(&error) {
                Refusal::Rights => lacks("create"),
                Refusal::Silence | Refusal::DryRun => (NamespaceFate::Unknown, Some(error.line())),
                _ => (NamespaceFate::Refuse, Some(error.line())),
            },
        }
    }
}
