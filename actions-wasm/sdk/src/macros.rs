//! The macros that make a crate a component. A component exports what it is given functions for, and nothing else.

/// Makes the crate a component with one action: `item_action!(Params, backup: function, restore: function)`.
///
/// Any of these, each at most once:
///
/// | key | value |
/// |---|---|
/// | `backup`, `restore` | a `fn(&T, &Params) -> Result<Outcome, String>` |
/// | `delete` | a `fn(&T, &Params) -> Result<(), String>` |
/// | `related` | a `fn(&T, &Params) -> Result<Vec<ObjectRef>, String>` |
/// | `readiness` | a `fn(&[ObjectRef], &Params) -> Result<bool, String>` |
/// | `operations` | a type with the trait [`Operations`](crate::Operations) |
///
/// `T` is what the function wants to see of an item: a [`Value`](crate::Value), or a struct with the fields that matter, which is several times faster.
#[macro_export]
macro_rules! item_action {
    ($params:ty, $($role:ident: $function:path),+ $(,)?) => {
        $crate::export_component!($($role: { "" => $function as $params }),+);
    };
}

/// Makes the crate a component for backup: `backup_action!(Params, function)`.
#[macro_export]
macro_rules! backup_action {
    ($params:ty, $function:path) => {
        $crate::item_action!($params, backup: $function);
    };
}

/// Makes the crate a component for restore: `restore_action!(Params, function)`.
#[macro_export]
macro_rules! restore_action {
    ($params:ty, $function:path) => {
        $crate::item_action!($params, restore: $function);
    };
}

/// Makes the crate a component with several actions, chosen by the manifest's `entry`. The keys are those of [`item_action!`]:
///
/// ```ignore
/// actions! {
///     backup: { "pod" => pod::backup, "claim" => claim::backup },
///     related: { "pod" => pod::related },
/// }
/// ```
///
/// Every function says by its signature what its parameters are; [`NoParams`](crate::NoParams) for none.
#[macro_export]
macro_rules! actions {
    ($($role:ident: { $($entry:literal => $function:path),+ $(,)? }),+ $(,)?) => {
        $crate::export_component!($($role: { $($entry => $function as _),+ }),+);
    };
}

/// What the macros above have in common; not for authors.
#[doc(hidden)]
#[macro_export]
macro_rules! export_component {
    ($($role:ident: $entries:tt),+) => {
        const _: () = {
            use $crate::{bindings, export};

            struct Exported;

            impl bindings::action::exports::lateen::item_action::action::Guest for Exported {
                fn configure(
                    settings: bindings::action::exports::lateen::item_action::action::Settings,
                ) -> Result<(), String> {
                    let mut configuration = export::Configuration::begin(settings)?;
                    $($crate::configure_role!($role, configuration);)+
                    configuration.end()
                }
            }

            bindings::action::export!(Exported with_types_in bindings::action);
            $($crate::export_role!($role: $entries);)+
        };
    };
}

/// One line of `configure`; not for authors.
#[doc(hidden)]
#[macro_export]
macro_rules! configure_role {
    (backup, $configuration:ident) => {
        $configuration.role(export::Role::BackupItem, &BACKUP)?
    };
    (restore, $configuration:ident) => {
        $configuration.role(export::Role::RestoreItem, &RESTORE)?
    };
    (delete, $configuration:ident) => {
        $configuration.role(export::Role::DeleteItem, &DELETE)?
    };
    (related, $configuration:ident) => {
        $configuration.role(export::Role::RelatedItems, &RELATED)?
    };
    (readiness, $configuration:ident) => {
        $configuration.extra(&READINESS)?
    };
    (operations, $configuration:ident) => {
        $configuration.extra(&PROGRESS)?;
        $configuration.extra(&CANCEL)?
    };
}

/// One exported interface; not for authors.
#[doc(hidden)]
#[macro_export]
macro_rules! export_role {
    (backup: { $($entry:literal => $function:path as $params:ty),+ }) => {
        static BACKUP: export::Table<str, $crate::Outcome> =
            export::Table::new(&[$(($entry, |params| export::item::<_, $params, _>($function, params))),+]);

        impl bindings::backup_item::exports::lateen::item_action::backup_item::Guest for Exported {
            fn execute(
                item: String,
            ) -> Result<bindings::backup_item::exports::lateen::item_action::backup_item::BackupOutcome, String>
            {
                BACKUP.call(&item).map(Into::into)
            }
        }

        bindings::backup_item::export!(Exported with_types_in bindings::backup_item);
    };
    (restore: { $($entry:literal => $function:path as $params:ty),+ }) => {
        static RESTORE: export::Table<str, $crate::Outcome> =
            export::Table::new(&[$(($entry, |params| export::item::<_, $params, _>($function, params))),+]);

        impl bindings::restore_item::exports::lateen::item_action::restore_item::Guest for Exported {
            fn execute(
                item: String,
            ) -> Result<bindings::restore_item::exports::lateen::item_action::restore_item::RestoreOutcome, String>
            {
                RESTORE.call(&item).map(Into::into)
            }
        }

        bindings::restore_item::export!(Exported with_types_in bindings::restore_item);
    };
    (delete: { $($entry:literal => $function:path as $params:ty),+ }) => {
        static DELETE: export::Table<str, ()> =
            export::Table::new(&[$(($entry, |params| export::item::<_, $params, _>($function, params))),+]);

        impl bindings::delete_item::exports::lateen::item_action::delete_item::Guest for Exported {
            fn execute(item: String) -> Result<(), String> {
                DELETE.call(&item)
            }
        }

        bindings::delete_item::export!(Exported with_types_in bindings::delete_item);
    };
    (related: { $($entry:literal => $function:path as $params:ty),+ }) => {
        static RELATED: export::Table<str, Vec<$crate::ObjectRef>> =
            export::Table::new(&[$(($entry, |params| export::item::<_, $params, _>($function, params))),+]);

        impl bindings::related_items::exports::lateen::item_action::related_items::Guest for Exported {
            fn related(item: String) -> Result<Vec<$crate::ObjectRef>, String> {
                RELATED.call(&item)
            }
        }

        bindings::related_items::export!(Exported with_types_in bindings::related_items);
    };
    (readiness: { $($entry:literal => $function:path as $params:ty),+ }) => {
        static READINESS: export::Table<[$crate::ObjectRef], bool> =
            export::Table::new(&[$(($entry, |params| export::objects::<$params>($function, params))),+]);

        impl bindings::readiness::exports::lateen::item_action::readiness::Guest for Exported {
            fn ready(related: Vec<$crate::ObjectRef>) -> Result<bool, String> {
                READINESS.call(&related)
            }
        }

        bindings::readiness::export!(Exported with_types_in bindings::readiness);
    };
    (operations: { $($entry:literal => $type:path as $params:ty),+ }) => {
        static PROGRESS: export::Table<str, $crate::operations::OperationProgress> =
            export::Table::new(&[$(($entry, |params| export::progress::<$type>(params))),+]);
        static CANCEL: export::Table<str, ()> =
            export::Table::new(&[$(($entry, |params| export::cancel::<$type>(params))),+]);

        impl bindings::operations::exports::lateen::item_action::operations::Guest for Exported {
            fn progress(id: String) -> Result<$crate::operations::OperationProgress, String> {
                PROGRESS.call(&id)
            }

            fn cancel(id: String) -> Result<(), String> {
                CANCEL.call(&id)
            }
        }

        bindings::operations::export!(Exported with_types_in bindings::operations);
    };
}
