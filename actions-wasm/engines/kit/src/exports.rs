//! The macro that makes a crate a component.

/// Makes the crate the component of a script engine: `export_engine!(MyEngine)`, where `MyEngine` implements [`Engine`](crate::Engine).
#[macro_export]
macro_rules! export_engine {
    ($engine:ty) => {
        const _: () = {
            use $crate::bindings::exports::lateen::item_action::{
                action, backup_item, delete_item, related_items, restore_item,
            };

            ::std::thread_local! {
                static INSTANCE: $crate::instance::Instance<$engine> = $crate::instance::Instance::new();
            }

            struct ExportedEngine;

            impl action::Guest for ExportedEngine {
                fn configure(settings: action::Settings) -> Result<(), String> {
                    $crate::instance::log_panics();
                    INSTANCE.with(|instance| instance.configure(settings))
                }
            }

            impl backup_item::Guest for ExportedEngine {
                fn execute(item: String) -> Result<backup_item::BackupOutcome, String> {
                    INSTANCE.with(|instance| instance.backup(&item))
                }
            }

            impl restore_item::Guest for ExportedEngine {
                fn execute(item: String) -> Result<restore_item::RestoreOutcome, String> {
                    INSTANCE.with(|instance| instance.restore(&item))
                }
            }

            impl delete_item::Guest for ExportedEngine {
                fn execute(item: String) -> Result<(), String> {
                    INSTANCE.with(|instance| instance.delete(&item))
                }
            }

            impl related_items::Guest for ExportedEngine {
                fn related(item: String) -> Result<Vec<related_items::ObjectRef>, String> {
                    INSTANCE.with(|instance| instance.related(&item))
                }
            }

    $crate::bindings::export!(ExportedEngine with_types_in $crate::bindings);
        };
    };
}
