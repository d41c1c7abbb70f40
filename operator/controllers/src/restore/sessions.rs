//! Instances of the actions of a run, lent to whoever has an item that an action is to see.
//!
//! Most items concern no action, and those that do need one for a moment: a session is lent for a single call, so that a few serve all
//! workers, and none is held while items that an action asked for are restored.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use lateen_actions::{ActionRun, ActionSession};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Sessions at most. An instance takes one to some ten MiB; calls mostly compute, and more than there are processors only help those that
/// wait for the cluster.
const SESSIONS: usize = 8;

/// Lends sessions.
pub(super) struct Sessions {
    actions: Arc<ActionRun>,
    free: Mutex<Vec<ActionSession>>,
    turns: Semaphore,
}

impl Sessions {
    pub(super) fn new(actions: Arc<ActionRun>) -> Self {
        Self { actions, free: Mutex::default(), turns: Semaphore::new(SESSIONS) }
    }

    /// The run that the actions work for.
    pub(super) fn actions(&self) -> &Arc<ActionRun> {
        &self.actions
    }

    /// Lends a session, when there is one.
    pub(super) async fn lend(&self) -> Lent<'_> {
        let turn = self.turns.acquire().await;
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let session = free.unwrap_or_else(|| self.actions.session());
        Lent { sessions: self, session: Some(session), _turn: turn.ok() }
    }
}

/// A session that is given back when this is dropped.
pub(super) struct Lent<'a> {
    sessions: &'a Sessions,
    session: Option<ActionSession>,
    _turn: Option<SemaphorePermit<'a>>,
}

impl Deref for Lent<'_> {
    type Target = ActionSession;

    fn deref(&self) -> &ActionSession {
        self.session.as_ref().expect("it is taken out when this is dropped, and not before")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut ActionSession {
        self.session.as_mut().expect("it is taken out when this is dropped, and not before")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let session = self.session.take();
        self.sessions.free.lock().unwrap_or_else(PoisonError::into_inner).extend(session);
    }
}
