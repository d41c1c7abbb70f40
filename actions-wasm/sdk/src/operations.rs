//! Work that goes on after a call: how far it is, and how it is stopped.

use serde::de::DeserializeOwned;

pub use crate::bindings::operations::exports::lateen::item_action::operations::{OperationProgress, State};

/// The operations that an action starts with [`Outcome::operation`](crate::Outcome). The id alone must do: another process may ask, days later.
pub trait Operations {
    /// `params` of the manifest.
    type Params: DeserializeOwned + Send + Sync + 'static;

    /// How far it is. An `Err` ends the operation as failed; for a hiccup answer [`State::Running`] and log a warning.
    fn progress(id: &str, params: &Self::Params) -> Result<OperationProgress, String>;

    /// The run was cancelled, or its time is over. By default there is nothing to do.
    fn cancel(id: &str, params: &Self::Params) -> Result<(), String> {
        let _ = (id, params);
        Ok(())
    }
}

impl OperationProgress {
    /// Where it stands, with nothing to count.
    pub fn new(state: State, description: impl Into<String>) -> Self {
        Self {
            state,
            done: 0,
            total: 0,
            units: String::new(),
            description: description.into(),
            started_ms: None,
            updated_ms: None,
            extra: String::new(),
        }
    }

    /// How much is done, of how much, in these units.
    #[must_use]
    pub fn counting(mut self, done: u64, total: u64, units: impl Into<String>) -> Self {
        (self.done, self.total, self.units) = (done, total, units.into());
        self
    }

    /// Since when it is under way, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn since(mut self, started_ms: u64) -> Self {
        self.started_ms = Some(started_ms);
        self
    }
}
