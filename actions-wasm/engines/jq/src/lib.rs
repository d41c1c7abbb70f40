//! The script engine for jq: the item goes in, what comes out is the new item.
//!
//! A script is compiled once per instance. It sees `$params`, `$config` (Velero's ConfigMap for the plugin, or null), `$run`, `$item` and, on restore, `$original`, and has
//! these functions beside jq's own; those that answer nothing pass their input through, so that they chain:
//!
//! | function | what |
//! |---|---|
//! | `skip("why")` | leave the item out |
//! | `info("...")`, `warn("...")`, `debug("...")`, `debug` | a line in the log of the run |
//! | `also("configmaps"; $ns; $name)` | a related object; without the namespace in the item's own |
//! | `must_include` | related objects come in whatever the backup's filters say |
//! | `cluster_get("deployments.apps"; $ns; $name)` | an object of the cluster, null where there is none |
//! | `cluster_list("pods"; $ns; "app=web")` | a list of objects; without the selector all of them; null for every namespace |
//! | `cluster_create($object)`, `cluster_patch("pods"; $ns; $name; $merge)`, `cluster_delete("pods"; $ns; $name)` | changes of the cluster |
//!
//! The script must give exactly one object; on deletion and for related items, where the item is not the answer, it may also give nothing. What reaches out of the
//! sandbox in other implementations (`input`, `env`, `halt`, `stderr`, the local time zone) does not exist.
//!
//! jaq knows where in the text a script cannot be parsed or names something that does not exist, and the error says so; at run time it does not.

mod call;
mod functions;
mod language;
mod program;
mod value;

pub use program::Program;

lateen_engine_kit::export_engine!(Program);

#[cfg(test)]
mod tests;
