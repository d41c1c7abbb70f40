//! What wit-bindgen makes of the contract.
//!
//! What the host offers is generated once. What a component offers is generated interface by interface, each in a world of its own: a component
//! exports exactly the interfaces whose `export!` it calls, and wit-component joins their worlds.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({ path: "../../wit/v0.2", world: "host", additional_derives: [PartialEq, Eq] });

/// A module with one interface to export; `with` are the shared types that it uses.
macro_rules! exported {
    ($module:ident, $world:literal, $package:literal, [$($with:literal => $path:path),*]) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit/v0.2",
                inline: $package,
                world: $world,
                with: { $($with: $path),* },
                pub_export_macro: true,
            });
        }
    };
}

exported!(
    action,
    "lateen:sdk/exports-action",
    "package lateen:sdk; world exports-action { export lateen:item-action/action@0.2.0; }",
    []
);
exported!(
    backup_item,
    "lateen:sdk/exports-backup-item",
    "package lateen:sdk; world exports-backup-item { export lateen:item-action/backup-item@0.2.0; }",
    ["lateen:item-action/types@0.2.0" => crate::bindings::lateen::item_action::types]
);
exported!(
    restore_item,
    "lateen:sdk/exports-restore-item",
    "package lateen:sdk; world exports-restore-item { export lateen:item-action/restore-item@0.2.0; }",
    ["lateen:item-action/types@0.2.0" => crate::bindings::lateen::item_action::types]
);
exported!(
    delete_item,
    "lateen:sdk/exports-delete-item",
    "package lateen:sdk; world exports-delete-item { export lateen:item-action/delete-item@0.2.0; }",
    []
);
exported!(
    related_items,
    "lateen:sdk/exports-related-items",
    "package lateen:sdk; world exports-related-items { export lateen:item-action/related-items@0.2.0; }",
    ["lateen:item-action/types@0.2.0" => crate::bindings::lateen::item_action::types]
);
exported!(
    readiness,
    "lateen:sdk/exports-readiness",
    "package lateen:sdk; world exports-readiness { export lateen:item-action/readiness@0.2.0; }",
    ["lateen:item-action/types@0.2.0" => crate::bindings::lateen::item_action::types]
);
exported!(
    operations,
    "lateen:sdk/exports-operations",
    "package lateen:sdk; world exports-operations { export lateen:item-action/operations@0.2.0; }",
    []
);
