//! Leaving a restore alone before it has ended: because the server ends, because somebody wants the Restore gone, or because what it needs is
//! gone for good.
//!
//! Operations are cancelled only where nobody will ever wait for them. A restore that can never be finished says so.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::ResourceExt;
use lateen_actions::Role;
use lateen_api::labels::annotations;
use lateen_api::v1::Restore;
use lateen_core::restore::operations::give_up;

use super::{Finishing, asking};
use crate::error_chain::error_chain;
use crate::metrics::RunEvent;
use crate::operations::cancel;
use crate::run_status::StatusError;

/// Why a restore is not worked on any more.
#[derive(Debug, Clone)]
pub(in crate::restore) enum Stopped {
    /// The server is going down; the next one goes on.
    Shutdown,
    /// Somebody wants the Restore gone.
    Deleted,
    /// It is another server's now, or gone.
    NotOurs(StatusError),
    /// What it needs is gone for good.
    Lost(String),
}

impl Finishing {
    /// Leaves a restore alone, in the way that the reason for it asks for.
    pub(in crate::restore) async fn stop(&self, stopped: Stopped) -> Option<RunEvent> {
        match stopped {
            Stopped::Shutdown => None,
            Stopped::Deleted => {
                if self.is_deleted().await {
                    self.cancel_operations().await;
                }
                None
            }
            Stopped::NotOurs(error) => {
                self.warn(&error_chain(&error), "a restore is not worked on any more");
                None
            }
            Stopped::Lost(reason) => {
                self.warn(&reason, "a restore cannot be finished");
                self.cancel_operations().await;
                self.give_up(reason).await
            }
        }
    }

    /// Whether somebody wants the Restore gone indeed. What cannot be asked is not so: operations that go on do less harm than operations
    /// that were cancelled although the next server would have followed them.
    async fn is_deleted(&self) -> bool {
        let now = self.status.current();
        match self.context.api::<Restore>().get_opt(&now.name_any()).await {
            Ok(found) => found
                .filter(|found| found.uid() == now.uid())
                .is_none_or(|found| found.metadata.deletion_timestamp.is_some()),
            Err(error) => {
                self.warn(&error_chain(&error), "cannot tell whether a restore is deleted");
                false
            }
        }
    }

    /// Tells actions to end what nobody will wait for.
    fn cancel_operations(&self) -> BoxFuture<'_, ()> {
        self.cancel_running().boxed()
    }

    async fn cancel_running(&self) {
        let running = self.operations.iter().filter(|operation| operation.status.phase.is_running());
        let running =
            running.map(|known| (&*known.spec.restore_item_action, known.spec.operation_id.as_str()));
        let actions = asking::actions(self);
        cancel(&actions, Role::Restore, &self.status.current().name_any(), running).await;
    }

    async fn give_up(&self, reason: String) -> Option<RunEvent> {
        let now = Timestamp::now();
        let ended = self.write(move |restore| {
            give_up(restore.status.get_or_insert_default(), &reason, now);
            restore.metadata.annotations.get_or_insert_default().remove(annotations::RUN);
        });
        ended.await.is_ok().then_some(RunEvent::PartialFailure)
    }
}
