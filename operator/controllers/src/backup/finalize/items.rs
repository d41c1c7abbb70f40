//! The objects that operations have left behind, as the cluster has them now.
//!
//! All are read before the first is processed: an action that removes one of them while it looks at another takes it from nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use kube::{Client, ResourceExt};
use lateen_actions::Stage;
use lateen_cluster::object;
use lateen_core::backup::filter::{ResourceFilter, ResourceLists};
use lateen_core::catalog::Catalog;
use lateen_core::item_operation::{ResourceIdentifier, RunIdentity};
use lateen_core::journal::{Entry, Journal};
use lateen_core::namespaces::NamespaceFilter;

use super::Finishing;
use crate::backup::engine::{Decisions, Engine};
use crate::backup::facts::told_to_actions;
use crate::backup::post_items::{self, Fetched};
use crate::error_chain::error_chain;
use crate::item_actions;

/// Objects that are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// Bytes of objects that are read again. Two of some 4 KiB for each of 30,000 snapshots; what is beyond stays in the archive as it was
/// when it was taken first, and is an error of its item.
const BYTES: usize = 256 << 20;

/// Reads the objects that were named, in that order. One that cannot be read is told, and stays in the archive as it is.
pub(super) async fn read(
    client: &Client,
    catalog: &Catalog,
    named: &[ResourceIdentifier],
    journal: &Journal,
) -> Vec<Fetched> {
    let reads: Vec<BoxFuture<'_, Result<Fetched, Entry>>> =
        named.iter().map(|named| read_one(client, catalog, named).boxed()).collect();
    let mut reads = stream::iter(named).zip(stream::iter(reads).buffered(SIDE_BY_SIDE));
    let mut fresh: Vec<Fetched> = Vec::new();
    let mut bytes = 0;
    while let Some((named, read)) = reads.next().await {
        let place = named.object();
        let about = |entry: Entry| entry.about(named.kind(), place.namespace.as_deref(), &place.name);
        match read {
            Ok(item) if bytes + item.json.len() > BYTES => {
                let lack =
                    format!("there are more than {BYTES} bytes of objects to read again after operations");
                journal.write(about(Entry::error("the item is not brought up to date").with("error", lack)));
            }
            Ok(item) => {
                bytes += item.json.len();
                fresh.push(item);
            }
            Err(entry) => journal.write(about(entry)),
        }
    }
    fresh
}

async fn read_one(client: &Client, catalog: &Catalog, named: &ResourceIdentifier) -> Result<Fetched, Entry> {
    let Some(kind) = catalog.get(&named.kind()) else {
        let lack = "an object of an operation is of a kind that the cluster does not serve";
        return Err(Entry::warning(lack));
    };
    match object::get(client, kind, &named.object()).await {
        Ok(Some(json)) => Ok(Fetched { kind: kind.clone(), json }),
        Ok(None) => Err(Entry::warning("an object of an operation is gone; the archive keeps it as it was")),
        Err(error) => {
            let entry = Entry::error("cannot read an object of an operation again");
            Err(entry.with("error", error_chain(&error)))
        }
    }
}

/// Takes the objects through their actions, as the backup did; gives back the files that stand in the archive for them, by path. What fails is
/// told, and stays in the archive as it is.
pub(super) async fn take(
    run: &Finishing<'_>,
    catalog: &Catalog,
    fresh: Vec<Fetched>,
    journal: &Journal,
) -> BTreeMap<String, Bytes> {
    let now = run.status.current();
    let actions = item_actions::go_on(
        run.context,
        &told_to_actions(&now, catalog),
        Stage::Finalize,
        Arc::clone(run.set),
    );
    let engine = Engine::new(Decisions {
        backup: RunIdentity { name: now.name_any(), uid: now.uid().unwrap_or_default() },
        client: run.context.client.clone(),
        catalog: Arc::new(catalog.clone()),
        namespaces: NamespaceFilter::everything(),
        resources: ResourceFilter::new(&everything(), catalog, true),
        journal: journal.clone(),
        actions,
        items: None,
        stop: run.context.shutdown.child_token(),
    });
    match post_items::files(&engine, fresh).await {
        Ok(files) => files,
        Err(error) => {
            let entry =
                Entry::error("the items are not brought up to date after the operations of the backup");
            journal.write(entry.with("error", error_chain(&error)));
            BTreeMap::new()
        }
    }
}

/// What operations have left behind belongs to the backup, whatever its filters say.
fn everything() -> ResourceLists {
    ResourceLists::Global { included: Vec::new(), excluded: Vec::new(), cluster_resources: Some(true) }
}
