//! How an author's functions become the exports of a component.
//!
//! A macro makes one [`Table`] for each role: the functions by entry. `configure` chooses the entry, reads its parameters and keeps the two together;
//! a call finds a function that has all it needs. Everything here is for the macros in [`crate::macros`] and may change with them.

use std::sync::OnceLock;

use serde::de::DeserializeOwned;

use crate::{
    bindings::{
        action::exports::lateen::item_action::action::Settings, lateen::item_action::types::ObjectRef,
    },
    operations::{OperationProgress, Operations},
    settings,
};

pub use crate::bindings::action::exports::lateen::item_action::action::Role;

/// The entry of a component with one action: whatever the manifest says is meant.
pub const ANY: &str = "";

/// A function with its parameters.
pub type Bound<Q, A> = Box<dyn Fn(&Q) -> Result<A, String> + Send + Sync>;

/// Reads parameters for a function.
pub type Bind<Q, A> = fn(params: &str) -> Result<Bound<Q, A>, String>;

/// What a component has for a role: by entry, from a question to an answer.
pub struct Table<Q: ?Sized + 'static, A: 'static> {
    entries: &'static [(&'static str, Bind<Q, A>)],
    chosen: OnceLock<Bound<Q, A>>,
}

impl<Q: ?Sized, A> Table<Q, A> {
    /// These entries.
    pub const fn new(entries: &'static [(&'static str, Bind<Q, A>)]) -> Self {
        Self { entries, chosen: OnceLock::new() }
    }

    /// Calls the function that `configure` chose.
    pub fn call(&self, question: &Q) -> Result<A, String> {
        self.chosen.get().ok_or_else(|| "not configured for this role".to_owned())?(question)
    }

    fn choose(&self, entry: &str, params: &str) -> Result<bool, String> {
        let Some((_, bind)) = self.entries.iter().find(|(name, _)| *name == ANY || *name == entry) else {
            return Ok(false);
        };
        self.chosen.set(bind(params)?).map_err(|_| "configured twice".to_owned())?;
        Ok(true)
    }
}

/// A `configure` under way.
pub struct Configuration {
    settings: Settings,
    served: Vec<Role>,
    known: Vec<&'static str>,
}

impl Configuration {
    /// Takes note of the settings.
    pub fn begin(settings: Settings) -> Result<Self, String> {
        // A trap tells the host nothing; the log is the only way for the text of a panic.
        std::panic::set_hook(Box::new(|panic| crate::info(&panic.to_string())));
        settings::keep(&settings)?;
        Ok(Self::of(settings))
    }

    fn of(settings: Settings) -> Self {
        Self { settings, served: Vec::new(), known: Vec::new() }
    }

    /// A role that the component has, if the manifest wants it.
    pub fn role<Q: ?Sized, A>(&mut self, role: Role, table: &Table<Q, A>) -> Result<(), String> {
        self.known.extend(table.entries.iter().map(|(name, _)| *name));
        if self.settings.roles.contains(&role) && table.choose(&self.settings.entry, &self.settings.params)? {
            self.served.push(role);
        }
        Ok(())
    }

    /// Something that goes with a role, and that not every entry has.
    pub fn extra<Q: ?Sized, A>(&mut self, table: &Table<Q, A>) -> Result<(), String> {
        table.choose(&self.settings.entry, &self.settings.params).map(|_| ())
    }

    /// Fails if a role of the manifest was not served.
    pub fn end(mut self) -> Result<(), String> {
        let Some(missing) = self.settings.roles.iter().find(|role| !self.served.contains(role)) else {
            return Ok(());
        };
        let entry = &self.settings.entry;
        if !self.known.iter().any(|name| *name == ANY || name == entry) {
            self.known.sort_unstable();
            self.known.dedup();
            return Err(format!("this component has no entry {entry:?}; it has {}", self.known.join(", ")));
        }
        Err(format!("this action does nothing on {}; take it out of `on` in the manifest", on(*missing)))
    }
}

/// What manifests call a role.
fn on(role: Role) -> &'static str {
    match role {
        Role::BackupItem => "backup",
        Role::RestoreItem => "restore",
        Role::DeleteItem => "delete",
        Role::RelatedItems => "related-items",
    }
}

/// A function of an item, for a role.
pub fn item<T, P, A>(function: fn(&T, &P) -> Result<A, String>, params: &str) -> Result<Bound<str, A>, String>
where
    T: DeserializeOwned + 'static,
    P: DeserializeOwned + Send + Sync + 'static,
    A: 'static,
{
    let params: P = read_params(params)?;
    Ok(Box::new(move |text| {
        let item = serde_json::from_str(text).map_err(|error| format!("cannot read the item: {error}"))?;
        function(&item, &params)
    }))
}

/// A function of objects, for readiness.
pub fn objects<P>(
    function: fn(&[ObjectRef], &P) -> Result<bool, String>,
    params: &str,
) -> Result<Bound<[ObjectRef], bool>, String>
where
    P: DeserializeOwned + Send + Sync + 'static,
{
    let params: P = read_params(params)?;
    Ok(Box::new(move |related| function(related, &params)))
}

/// The progress of operations.
pub fn progress<O: Operations>(params: &str) -> Result<Bound<str, OperationProgress>, String> {
    let params: O::Params = read_params(params)?;
    Ok(Box::new(move |id| O::progress(id, &params)))
}

/// The cancelling of operations.
pub fn cancel<O: Operations>(params: &str) -> Result<Bound<str, ()>, String> {
    let params: O::Params = read_params(params)?;
    Ok(Box::new(move |id| O::cancel(id, &params)))
}

fn read_params<P: DeserializeOwned>(params: &str) -> Result<P, String> {
    serde_json::from_str(params).map_err(|error| format!("params: {error}"))
}

#[cfg(test)]
mod tests;
