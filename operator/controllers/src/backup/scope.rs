//! The namespaces of a backup: looked up and matched before anything is listed.
//!
//! Without the names of all namespaces a filter by pattern cannot be trusted, so an error here ends the run.

use kube::Client;
use lateen_cluster::discovery::Discovery;
use lateen_core::backup::argocd;
use lateen_core::backup::request::BackupRequest;
use lateen_core::item::Facts;
use lateen_core::journal::{Entry, Journal};
use lateen_core::kind::{GroupResource, ServedKind};
use lateen_core::namespaces::NamespaceFilter;

use super::collect::{Collector, ListPlan};
use super::run_error::RunError;
use crate::context::Context;
use crate::error_chain::error_chain;

/// Which namespaces a backup is about.
pub(super) struct Scope {
    /// The filter.
    pub namespaces: NamespaceFilter,
    /// Asked for by name, and not there.
    pub missing: Vec<String>,
}

impl Scope {
    /// Looks up the namespaces and tells what is going to happen.
    pub(super) async fn prepare(
        context: &Context,
        discovery: &Discovery,
        request: &BackupRequest,
        journal: &Journal,
    ) -> Result<Self, RunError> {
        let found = all_namespaces(&context.client, discovery, context.options.page_size).await?;
        let managed = found.iter().filter(|facts| argocd::manages(facts));
        let managed: Vec<String> = managed.map(|facts| facts.object.name.clone()).collect();
        let existing: Vec<String> = found.into_iter().map(|facts| facts.object.name).collect();
        let namespaces =
            NamespaceFilter::new(&request.included_namespaces, &request.excluded_namespaces, &existing)
                .map_err(|error| RunError::Namespaces(error.to_string()))?;
        journal.info(format!("Including namespaces: {}", namespaces.includes_text()));
        journal.info(format!("Excluding namespaces: {}", namespaces.excludes_text()));
        if let Some(warning) = argocd::warning(&managed, &namespaces) {
            journal.write(Entry::warning(warning));
        }
        for (group, reason) in discovery.catalog.unavailable() {
            journal.write(
                Entry::error(format!("cannot tell the kinds of API group {group}")).with("error", reason),
            );
        }
        let missing = namespaces.missing(&existing).into_iter().map(str::to_owned).collect();
        Ok(Self { namespaces, missing })
    }
}

/// Names and labels of all namespaces.
async fn all_namespaces(
    client: &Client,
    discovery: &Discovery,
    page_size: u32,
) -> Result<Vec<Facts>, RunError> {
    let kind: &ServedKind = discovery
        .catalog
        .get(&GroupResource::parse("namespaces"))
        .ok_or_else(|| RunError::Namespaces("the API server does not serve namespaces".into()))?;
    let plan = ListPlan { kind: kind.clone(), namespace: None, query: String::new() };
    let mut collector = Collector::new(client.clone(), page_size, [plan]);
    let mut found = Vec::new();
    while let Some((_, page)) = collector.next().await {
        let page = page.map_err(|error| RunError::Namespaces(error_chain(&error)))?;
        found.extend(page.items().filter_map(|item| Facts::read(item).ok()));
    }
    Ok(found)
}
