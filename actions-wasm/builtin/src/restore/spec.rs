//! What a Restore asks for, read once per instance: a Restore can be long, and is the same for every item.

use std::cell::OnceCell;

use serde::{Deserialize, de::DeserializeOwned};

/// `spec` of the Restore, as far as `T` wants to know it.
pub(crate) struct RestoreSpec<T>(OnceCell<T>);

#[derive(Deserialize)]
struct Restore<T> {
    spec: Option<T>,
}

impl<T: DeserializeOwned + Default> RestoreSpec<T> {
    /// Not read yet.
    pub(crate) const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// Reads it, unless that has been done. `restore` is the Restore as JSON.
    pub(crate) fn read(&self, restore: impl FnOnce() -> String) -> Result<&T, String> {
        if let Some(spec) = self.0.get() {
            return Ok(spec);
        }
        let restore: Restore<T> =
            lateen_action::parse(&restore()).map_err(|error| format!("cannot read the Restore: {error}"))?;
        Ok(self.0.get_or_init(|| restore.spec.unwrap_or_default()))
    }
}
