//! What is only known when everything else was taken: the namespaces in which there was something, and the definitions of custom kinds.

use std::sync::Arc;

use lateen_cluster::object;
use lateen_core::backup::tally::{Claim, Lane};
use lateen_core::backup::verdict::{Origin, takes_namespace};
use lateen_core::journal::Entry;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};

use super::Sweep;
use crate::backup::chosen::Chosen;
use crate::backup::items::Member;
use crate::backup::run_error::RunError;
use crate::error_chain::error_chain;

impl Sweep<'_> {
    /// Takes namespaces, then definitions. Nothing is being worked on when this begins or ends: what was taken decides.
    pub(super) async fn close(&mut self) -> Result<(), RunError> {
        self.workers.rest().await?;
        self.take_namespaces().await?;
        self.workers.rest().await?;
        self.take_definitions().await?;
        Ok(self.workers.rest().await?)
    }

    /// Namespaces come after what is in them: having something in the backup is one of the reasons to be there. One that was asked for
    /// by name and does not exist is an error, provided that Namespace objects belong to the backup at all.
    async fn take_namespaces(&mut self) -> Result<(), RunError> {
        let engine = Arc::clone(&self.engine);
        let Some(kind) = engine.catalog.get(&GroupResource::parse("namespaces")) else { return Ok(()) };
        if !engine.resources.includes(kind) {
            return Ok(());
        }
        for missing in &self.missing {
            let line =
                format!("fail to get the namespace {missing} specified in backup.Spec.IncludedNamespaces");
            let entry = Entry::error(line).with("error", format!("namespaces {missing:?} not found"));
            engine.journal.write(entry);
        }
        let mut lists = self.list_of(kind);
        let kind = Arc::new(kind.clone());
        let has_actions = engine.has_actions(&kind);
        while let Some((_, page)) = self.next_page(&mut lists).await? {
            for json in page.items() {
                let Some(facts) = engine.facts(&kind, json) else { continue };
                let has_items = engine.tally(|tally| tally.has_namespace(&facts.object.name));
                let selection = &self.request.selection;
                if takes_namespace(&facts, is_active(json), &engine.namespaces, selection, has_items) {
                    self.take_listed(&kind, json, has_actions).await?;
                }
            }
        }
        Ok(())
    }

    /// The definitions of the custom resources that were taken, unless the filters have decided about definitions already.
    async fn take_definitions(&mut self) -> Result<(), RunError> {
        let engine = Arc::clone(&self.engine);
        let definitions = GroupResource::parse("customresourcedefinitions.apiextensions.k8s.io");
        let Some(kind) = engine.catalog.get(&definitions) else { return Ok(()) };
        if engine.resources.includes(kind) || engine.resources.excludes(kind) {
            return Ok(());
        }
        // Custom resources cannot be in the core group, nor in one without a dot.
        let of_custom: Vec<GroupResource> = engine
            .tally(|tally| tally.kinds().iter().filter(|kind| kind.group.contains('.')).cloned().collect());
        for taken in of_custom {
            let name = ObjectName::new(None, &taken.to_string());
            match object::get(&engine.client, kind, &name).await {
                Ok(Some(json)) => self.take_related(kind, &json).await?,
                Ok(None) => {}
                Err(error) => {
                    let entry = Entry::error("cannot read the definition of a kind that was backed up");
                    let entry = entry.about(&definitions, None, &name.name);
                    engine.journal.write(entry.with("error", error_chain(&error)));
                }
            }
        }
        Ok(())
    }

    /// An object that belongs to the backup because of another one.
    async fn take_related(&mut self, kind: &ServedKind, json: &str) -> Result<(), RunError> {
        let Some(facts) = self.engine.facts(kind, json) else { return Ok(()) };
        let claim = self.engine.choose(kind, &facts, json, Origin::Related, Lane::Listed);
        if claim != Some(Claim::First) {
            return Ok(());
        }
        let chosen = Chosen::of(Arc::new(kind.clone()), facts, json, Origin::Related);
        self.start(vec![Member::Chosen(chosen)]).await
    }
}

fn is_active(namespace: &str) -> bool {
    let phase = serde_json::from_str::<serde_json::Value>(namespace).ok();
    phase.and_then(|n| n.pointer("/status/phase").map(|p| p == "Active")).unwrap_or(true)
}
