//! The macros that turn an author's functions into the exports of a component, and what they need.

use std::sync::OnceLock;

use serde_json::Value;

use crate::{
    Outcome,
    bindings::exports::lateen::item_action::{
        action::{Role, Settings},
        backup_item::BackupOutcome,
        restore_item::RestoreOutcome,
    },
};

/// What an author writes for a role.
pub type Function<P> = fn(&Value, &P) -> Result<Outcome, String>;

/// An action: the functions of its author, and the parameters once they are known.
pub struct Definition<P: 'static> {
    backup: Option<Function<P>>,
    restore: Option<Function<P>>,
    params: OnceLock<P>,
}

impl<P: serde::de::DeserializeOwned> Definition<P> {
    /// An action with these roles.
    pub const fn new(backup: Option<Function<P>>, restore: Option<Function<P>>) -> Self {
        Self { backup, restore, params: OnceLock::new() }
    }

    /// Refuses roles that have no function, and reads the parameters.
    pub fn configure(&self, settings: &Settings) -> Result<(), String> {
        // A trap tells the host nothing; the log is the only way for the text of a panic.
        std::panic::set_hook(Box::new(|panic| crate::info(&panic.to_string())));
        for role in &settings.roles {
            match role {
                Role::BackupItem if self.backup.is_none() => return Err(missing("backup")),
                Role::RestoreItem if self.restore.is_none() => return Err(missing("restore")),
                Role::BackupItem | Role::RestoreItem => {}
            }
        }
        let params = serde_json::from_str(&settings.params).map_err(|error| format!("params: {error}"))?;
        self.params.set(params).map_err(|_| "configured twice".to_owned())
    }

    /// Calls the function for backup.
    pub fn backup(&self, item: &str) -> Result<BackupOutcome, String> {
        let Outcome { change, skip, related, must_include } = self.call(self.backup, "backup", item)?;
        Ok(BackupOutcome { change, skip, related, must_include, extra: String::new() })
    }

    /// Calls the function for restore.
    pub fn restore(&self, item: &str) -> Result<RestoreOutcome, String> {
        let Outcome { change, skip, related, must_include: _ } = self.call(self.restore, "restore", item)?;
        Ok(RestoreOutcome { change, skip, related, extra: String::new() })
    }

    fn call(&self, function: Option<Function<P>>, role: &str, item: &str) -> Result<Outcome, String> {
        let function = function.ok_or_else(|| missing(role))?;
        let params = self.params.get().ok_or_else(|| "not configured".to_owned())?;
        let item = serde_json::from_str(item).map_err(|error| format!("cannot read the item: {error}"))?;
        function(&item, params)
    }
}

fn missing(role: &str) -> String {
    format!("this component does nothing on {role}; take it out of `on` in the manifest")
}

/// Makes the crate a component for backup: `backup_action!(Params, function)`, where `function` is a `fn(&Value, &Params) -> Result<Outcome, String>`.
#[macro_export]
macro_rules! backup_action {
    ($params:ty, $backup:path) => {
        $crate::export_action!($params, Some($backup), None);
    };
}

/// Makes the crate a component for restore: `restore_action!(Params, function)`, where `function` is a `fn(&Value, &Params) -> Result<Outcome, String>`.
#[macro_export]
macro_rules! restore_action {
    ($params:ty, $restore:path) => {
        $crate::export_action!($params, None, Some($restore));
    };
}

/// Makes the crate a component for both: `item_action!(Params, backup: function, restore: function)`.
#[macro_export]
macro_rules! item_action {
    ($params:ty, backup: $backup:path, restore: $restore:path) => {
        $crate::export_action!($params, Some($backup), Some($restore));
    };
}

/// What the three macros above have in common; not for authors.
#[doc(hidden)]
#[macro_export]
macro_rules! export_action {
    ($params:ty, $backup:expr, $restore:expr) => {
        const _: () = {
            use $crate::bindings::exports::lateen::item_action::{action, backup_item, restore_item};

            static DEFINITION: $crate::export::Definition<$params> =
                $crate::export::Definition::new($backup, $restore);

            struct ExportedAction;

            impl action::Guest for ExportedAction {
                fn configure(settings: action::Settings) -> Result<(), String> {
                    DEFINITION.configure(&settings)
                }
            }

            impl backup_item::Guest for ExportedAction {
                fn execute(item: String) -> Result<backup_item::BackupOutcome, String> {
                    DEFINITION.backup(&item)
                }
            }

            impl restore_item::Guest for ExportedAction {
                fn execute(item: String) -> Result<restore_item::RestoreOutcome, String> {
                    DEFINITION.restore(&item)
                }
            }

    $crate::bindings::export!(ExportedAction with_types_in $crate::bindings);
        };
    };
}
