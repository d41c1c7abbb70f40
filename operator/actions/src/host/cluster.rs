//! The host's side of `cluster` and `cluster-write`: one way in for every request of a guest, and one way back for every answer.
//!
//! A request is checked before it is sent ([`gate`]): the manifest's rules, the server's ceiling, names that could be more than names. It waits without using
//! guest time, for a limited time, and not beyond the end of the run. An answer is counted, cut to what actions may see ([`object`]), and
//! the values of Secrets in it are remembered, to be masked in what the call says. Lists are shared ([`SharedLists`](crate::shared_lists::SharedLists)).
//!
//! Nothing here talks to an API server: that is [`ClusterAccess`]'s part.

mod convert;
mod gate;
mod guard;
mod object;
mod write;

use std::{sync::Arc, time::Instant};

use tokio::time::timeout;
use wasmtime::Result;

use super::{
    bindings::lateen::item_action::{
        cluster::{self, Page, Query, Served},
        cluster_types::{self, Address, Failure},
        cluster_write::{self, ClusterPatch, DeleteOptions},
    },
    journal::one_line,
    state::State,
};
use crate::{
    cluster_access::{ClusterFailure, ClusterQuery, Reason},
    limits,
    manifest::Verb,
    outcome::NoteLevel,
    shared_lists::SharedPage,
};

use gate::Admitted;

impl State {
    /// Counts a request to the cluster and waits for it. What the guest is told names the request.
    async fn wait_for<T>(
        &mut self,
        what: &str,
        request: impl Future<Output = Result<T, ClusterFailure>>,
    ) -> Result<T, ClusterFailure> {
        self.cluster.count_request().map_err(|failure| about(what, failure))?;
        self.clock.look(Instant::now());
        let answer = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => {
                Err(ClusterFailure::new(Reason::Cancelled, "the run is being cancelled"))
            }
            answer = timeout(limits::CLUSTER_REQUEST_TIME, request) => answer.unwrap_or_else(|_| {
                let message = format!("no answer within {:?}", limits::CLUSTER_REQUEST_TIME);
                Err(ClusterFailure::new(Reason::TimedOut, message))
            }),
        };
        self.clock.resume(Instant::now());
        answer.map_err(|failure| about(what, failure))
    }

    /// What the guest gets of an object that came back.
    fn take_in(&mut self, admitted: &Admitted, text: &str) -> Result<String, ClusterFailure> {
        let object = object::clean(text, &admitted.api_version(), &admitted.served.kind)?;
        object::fits(object.len())?;
        if admitted.is_secrets() {
            self.cluster.seen.extend([&object::parse(&object)?]);
        }
        self.cluster.count_bytes(object.len())?;
        Ok(object)
    }

    async fn cluster_get(&mut self, object: Address) -> Result<String, ClusterFailure> {
        let (admitted, address) = self.admit_address(Verb::Get, object)?;
        let what = format!("get {address}");
        let text = self.wait_for(&what, admitted.access.get(&admitted.asker, &address)).await?;
        self.take_in(&admitted, &text).map_err(|failure| about(&what, failure))
    }

    async fn cluster_list(&mut self, query: Query) -> Result<Page, ClusterFailure> {
        let (admitted, query) = self.admit_query(query)?;
        let what = match &query.namespace {
            Some(namespace) => format!("list {} in {namespace}", query.kind),
            None => format!("list {}", query.kind),
        };
        let share = Arc::clone(&self.share);
        let page = share.lists.page(&query, || asked(&admitted, &query));
        let page = self.wait_for(&what, page).await?;
        if admitted.is_secrets() {
            let secrets: Vec<_> =
                page.items.iter().map(|item| object::parse(item)).collect::<Result<_, _>>()?;
            self.cluster.seen.extend(&secrets);
        }
        self.cluster.count_bytes(page.bytes).map_err(|failure| about(&what, failure))?;
        Ok(Page { items: page.items.clone(), next: page.next.clone() })
    }

    fn cluster_serves(&self, group: &str) -> Result<Vec<Served>, ClusterFailure> {
        Ok(self.access()?.serves(group).into_iter().map(Served::from).collect())
    }

    /// Tells the log of the run what an action has written.
    fn note_write(&mut self, what: &str, dry_run: bool) {
        let how = if dry_run { ", as a dry run" } else { "" };
        let message = format!("{what} in the cluster{how}");
        self.log.line(NoteLevel::Info, &message, &[&self.cluster.seen]);
    }
}

/// A page, as guests get it.
async fn asked(admitted: &Admitted, query: &ClusterQuery) -> Result<SharedPage, ClusterFailure> {
    let page = admitted.access.list(&admitted.asker, query).await?;
    let (api_version, kind) = (admitted.api_version(), &admitted.served.kind);
    let mut items = Vec::with_capacity(page.items.len());
    let mut bytes = 0;
    for item in page.items {
        let item = object::clean(&item, &api_version, kind)?;
        bytes += item.len();
        object::fits(bytes)?;
        items.push(item);
    }
    Ok(SharedPage { items, next: page.next.filter(|next| !next.is_empty()), bytes })
}

/// The failure of a request, with what was asked.
fn about(what: &str, ClusterFailure { reason, code, message }: ClusterFailure) -> ClusterFailure {
    ClusterFailure { reason, code, message: one_line(&format!("{what}: {message}"), limits::REASON) }
}

/// A refusal or an answer, as the contract has it; a trap where the guest calls the host without end.
macro_rules! answer {
    ($state:ident, $answer:expr) => {{
        $state.count_call()?;
        Ok($answer.map_err(Failure::from))
    }};
}

impl cluster_types::Host for State {}

impl cluster::Host for State {
    async fn get(&mut self, object: Address) -> Result<Result<String, Failure>> {
        answer!(self, self.cluster_get(object).await)
    }

    async fn list_page(&mut self, query: Query) -> Result<Result<Page, Failure>> {
        answer!(self, self.cluster_list(query).await)
    }

    async fn serves(&mut self, group: String) -> Result<Result<Vec<Served>, Failure>> {
        answer!(self, self.cluster_serves(&group))
    }
}

impl cluster_write::Host for State {
    async fn create(&mut self, object: String) -> Result<Result<String, Failure>> {
        answer!(self, self.cluster_create(&object).await)
    }

    async fn patch(&mut self, object: Address, patch: ClusterPatch) -> Result<Result<String, Failure>> {
        answer!(self, self.cluster_patch(Verb::Patch, object, patch).await)
    }

    async fn patch_status(
        &mut self,
        object: Address,
        patch: ClusterPatch,
    ) -> Result<Result<String, Failure>> {
        answer!(self, self.cluster_patch(Verb::PatchStatus, object, patch).await)
    }

    async fn remove(&mut self, object: Address, options: DeleteOptions) -> Result<Result<(), Failure>> {
        answer!(self, self.cluster_delete(object, options).await)
    }
}
