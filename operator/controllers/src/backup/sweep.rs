//! Finding what belongs to a backup: lists in their order, then what is only known at the end.
//!
//! A kind that cannot be listed is an error of that kind, and the sweep goes on; a kind that vanished since discovery is a warning.

use kube::Client;
use lateen_cluster::discovery::Discovery;
use lateen_cluster::list::ListError;
use lateen_cluster::object;
use lateen_core::backup::collection::kinds_to_list;
use lateen_core::backup::request::BackupRequest;
use lateen_core::backup::verdict::takes_namespace;
use lateen_core::item::Facts;
use lateen_core::journal::{Entry, Journal};
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_core::namespaces::{ListTargets, NamespaceFilter};
use lateen_core::selector::Selection;

use super::collect::{Collector, ListPlan};
use super::items::ItemTaker;
use super::run_error::{Reporter, RunError};
use crate::context::Context;
use crate::error_chain::error_chain;

/// What is swept, and how.
pub(super) struct Sweep<'a> {
    /// The namespaces of the backup.
    pub namespaces: NamespaceFilter,
    missing: Vec<String>,
    discovery: &'a Discovery,
    selection: &'a Selection,
    journal: &'a Journal,
}

impl<'a> Sweep<'a> {
    /// Looks up the namespaces and tells what is going to happen.
    pub(super) async fn prepare(
        context: &Context,
        discovery: &'a Discovery,
        request: &'a BackupRequest,
        journal: &'a Journal,
    ) -> Result<Self, RunError> {
        let existing = namespace_names(&context.client, discovery, context.options.page_size).await?;
        let namespaces =
            NamespaceFilter::new(&request.included_namespaces, &request.excluded_namespaces, &existing)
                .map_err(|error| RunError::Namespaces(error.to_string()))?;
        journal.info(format!("Including namespaces: {}", namespaces.includes_text()));
        journal.info(format!("Excluding namespaces: {}", namespaces.excludes_text()));
        for (group, reason) in discovery.catalog.unavailable() {
            journal.write(
                Entry::error(format!("cannot tell the kinds of API group {group}")).with("error", reason),
            );
        }
        let missing = namespaces.missing(&existing).into_iter().map(str::to_owned).collect();
        Ok(Self { namespaces, missing, discovery, selection: &request.selection, journal })
    }

    /// Takes everything.
    pub(super) async fn run(
        &self,
        context: &Context,
        taker: &mut ItemTaker<'_>,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), RunError> {
        let plans = self.plan(taker);
        let mut collector = Collector::new(context.client.clone(), context.options.page_size, plans);
        while let Some((plan, page)) = collector.next().await {
            if context.shutdown.is_cancelled() {
                return Err(RunError::Shutdown);
            }
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    self.tell_list_error(&plan, &error);
                    continue;
                }
            };
            if page.spans_revisions {
                let line = "the list went on at a newer revision, so it spans two states of the cluster";
                self.journal.write(Entry::warning(line).with("resource", &plan.kind.group_resource));
            }
            taker.tally.see(page.len() as u64);
            for item in page.items() {
                taker.take(&plan.kind, item).await?;
                reporter.report(taker.tally.progress()).await?;
            }
        }
        self.take_namespaces(context, taker).await?;
        self.take_definitions(context, taker).await
    }

    fn plan(&self, taker: &ItemTaker<'_>) -> Vec<ListPlan> {
        let targets = self.namespaces.list_targets();
        let mut plans = Vec::new();
        for kind in kinds_to_list(&self.discovery.catalog, taker.resources) {
            let places = match (&targets, kind.namespaced) {
                (ListTargets::Names(names), true) => names.iter().cloned().map(Some).collect(),
                _ => vec![None],
            };
            for namespace in places {
                for query in self.selection.queries() {
                    plans.push(ListPlan { kind: kind.clone(), namespace: namespace.clone(), query });
                }
            }
        }
        plans
    }

    fn tell_list_error(&self, plan: &ListPlan, error: &ListError) {
        let entry = match error {
            ListError::NotFound(_) => {
                Entry::warning("the kind is not served any more; there is nothing of it in the backup")
            }
            _ => Entry::error("Error listing items"),
        };
        let entry = entry.with("resource", &plan.kind.group_resource).with("error", error_chain(error));
        self.journal.write(match &plan.namespace {
            Some(namespace) => entry.with("namespace", namespace),
            None => entry,
        });
    }

    /// Namespaces come after what is in them: having something in the backup is one of the reasons to be there. One that was asked for
    /// by name and does not exist is an error, provided that Namespace objects belong to the backup at all.
    async fn take_namespaces(&self, context: &Context, taker: &mut ItemTaker<'_>) -> Result<(), RunError> {
        let Some(kind) = self.discovery.catalog.get(&GroupResource::parse("namespaces")) else {
            return Ok(());
        };
        if !taker.resources.includes(kind) {
            return Ok(());
        }
        for missing in &self.missing {
            self.journal.write(
                Entry::error(format!(
                    "fail to get the namespace {missing} specified in backup.Spec.IncludedNamespaces"
                ))
                .with("error", format!("namespaces {missing:?} not found")),
            );
        }
        let plan = ListPlan { kind: kind.clone(), namespace: None, query: String::new() };
        let mut collector = Collector::new(context.client.clone(), context.options.page_size, [plan]);
        while let Some((plan, page)) = collector.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    self.tell_list_error(&plan, &error);
                    continue;
                }
            };
            for item in page.items() {
                let Ok(facts) = Facts::read(item) else { continue };
                let has_items = taker.tally.has_namespace(&facts.object.name);
                if takes_namespace(&facts, is_active(item), &self.namespaces, self.selection, has_items) {
                    taker.take(kind, item).await?;
                }
            }
        }
        Ok(())
    }

    /// The definitions of the custom resources that were taken, unless the filters have decided about definitions already.
    async fn take_definitions(&self, context: &Context, taker: &mut ItemTaker<'_>) -> Result<(), RunError> {
        let definitions = GroupResource::parse("customresourcedefinitions.apiextensions.k8s.io");
        let Some(kind) = self.discovery.catalog.get(&definitions) else { return Ok(()) };
        if taker.resources.includes(kind) || taker.resources.excludes(kind) {
            return Ok(());
        }
        // Custom resources cannot be in the core group, nor in one without a dot.
        let of_custom: Vec<_> =
            taker.tally.kinds().iter().filter(|k| k.group.contains('.')).cloned().collect();
        for taken in of_custom {
            match object::get(&context.client, kind, &ObjectName::new(None, &taken.to_string())).await {
                Ok(Some(json)) => taker.take_related(kind, &json).await?,
                Ok(None) => {}
                Err(error) => {
                    let entry = Entry::error("cannot read the definition of a kind that was backed up");
                    self.journal.write(
                        entry
                            .about(&definitions, None, &taken.to_string())
                            .with("error", error_chain(&error)),
                    );
                }
            }
        }
        Ok(())
    }
}

/// Names of all namespaces. Without them a filter by pattern cannot be trusted, so an error here ends the run.
async fn namespace_names(
    client: &Client,
    discovery: &Discovery,
    page_size: u32,
) -> Result<Vec<String>, RunError> {
    let kind: &ServedKind = discovery
        .catalog
        .get(&GroupResource::parse("namespaces"))
        .ok_or_else(|| RunError::Namespaces("the API server does not serve namespaces".into()))?;
    let plan = ListPlan { kind: kind.clone(), namespace: None, query: String::new() };
    let mut collector = Collector::new(client.clone(), page_size, [plan]);
    let mut names = Vec::new();
    while let Some((_, page)) = collector.next().await {
        let page = page.map_err(|error| RunError::Namespaces(error_chain(&error)))?;
        names.extend(page.items().filter_map(|item| Facts::read(item).ok()).map(|facts| facts.object.name));
    }
    Ok(names)
}

fn is_active(namespace: &str) -> bool {
    let phase = serde_json::from_str::<serde_json::Value>(namespace).ok();
    phase.and_then(|n| n.pointer("/status/phase").map(|p| p == "Active")).unwrap_or(true)
}
