//! From a component to something that can be instantiated: a look at its bytes before it is compiled, and at what it imports and exports after.

use std::sync::Arc;

use wasmtime::{
    Engine,
    component::{Component, HasSelf, InstancePre, Linker},
};

use super::{
    bindings::{
        exports::lateen::item_action::{
            action, backup_item, delete_item, operations, readiness, related_items, restore_item,
        },
        lateen::item_action::{cluster, cluster_types, cluster_write, context, environment, journal, types},
    },
    memory::SharedMemory,
    state::State,
};
use crate::{limits, manifest::ClusterCeiling, subject::Role};

/// Interfaces of the contract that the host offers, without their version.
const OFFERED: [&str; 7] = [
    "lateen:item-action/types",
    "lateen:item-action/context",
    "lateen:item-action/journal",
    "lateen:item-action/environment",
    "lateen:item-action/cluster-types",
    "lateen:item-action/cluster",
    "lateen:item-action/cluster-write",
];

/// The version of the contract that is served.
const CONTRACT: &str = "0.2";

/// A component that is ready to be instantiated.
pub(crate) struct Compiled {
    /// What all guests of the process share.
    pub(super) memory: Arc<SharedMemory>,
    /// What the server allows them to ask of the cluster.
    pub(super) cluster: Arc<ClusterCeiling>,
    pub(super) pre: InstancePre<State>,
    pub(super) action: action::GuestIndices,
    pub(super) backup: Option<backup_item::GuestIndices>,
    pub(super) restore: Option<restore_item::GuestIndices>,
    pub(super) delete: Option<delete_item::GuestIndices>,
    pub(super) related: Option<related_items::GuestIndices>,
    pub(super) readiness: Option<readiness::GuestIndices>,
    pub(super) operations: Option<operations::GuestIndices>,
}

/// Why a component cannot be used. The text is for its author.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ComponentError {
    #[error("the component is larger than {} MiB", limits::COMPONENT >> 20)]
    TooLarge,
    #[error(
        "this is a core module, not a component; make one of it with `wasm-tools component new`, or with the build step of your toolchain for WIT"
    )]
    CoreModule,
    #[error("this is not WebAssembly: it does not begin with \\0asm")]
    NotWasm,
    #[error("cannot compile the component: {0}")]
    Compile(String),
    #[error(
        "the component imports {0}, which the host does not have: actions run without WASI. Build for a target without an operating system (Rust: \
         wasm32-unknown-unknown), or tell your toolchain to stub WASI"
    )]
    ForeignImports(String),
    #[error(
        "the component imports {0}, and this server has version {CONTRACT} of the contract: it is too old for the component, or too new"
    )]
    OtherContract(String),
    #[error(
        "the component exports no interface lateen:item-action/action of version {CONTRACT}; it exports {0}"
    )]
    NoAction(String),
    #[error("cannot link the component: {0}")]
    Link(String),
}

/// What can be said about the bytes without reading them all.
pub(super) fn check_bytes(bytes: &[u8]) -> Result<(), ComponentError> {
    if bytes.len() > limits::COMPONENT {
        return Err(ComponentError::TooLarge);
    }
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(ComponentError::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => Ok(()),
        _ => Err(ComponentError::NotWasm),
    }
}

impl Compiled {
    /// Looks at the imports and exports, and links.
    pub(super) fn new(
        engine: &Engine,
        linker: &Linker<State>,
        memory: &Arc<SharedMemory>,
        cluster: &Arc<ClusterCeiling>,
        component: &Component,
    ) -> Result<Arc<Self>, ComponentError> {
        let component_type = component.component_type();
        let imports: Vec<&str> = component_type.imports(engine).map(|(name, _)| name).collect();
        check_imports(&imports)?;
        let pre = linker.instantiate_pre(component).map_err(|error| ComponentError::Link(chain(&error)))?;
        let action = action::GuestIndices::new(&pre)
            .map_err(|_| ComponentError::NoAction(exports(engine, component)))?;
        Ok(Arc::new(Self {
            memory: Arc::clone(memory),
            cluster: Arc::clone(cluster),
            action,
            backup: backup_item::GuestIndices::new(&pre).ok(),
            restore: restore_item::GuestIndices::new(&pre).ok(),
            delete: delete_item::GuestIndices::new(&pre).ok(),
            related: related_items::GuestIndices::new(&pre).ok(),
            readiness: readiness::GuestIndices::new(&pre).ok(),
            operations: operations::GuestIndices::new(&pre).ok(),
            pre,
        }))
    }

    /// The interfaces that it imports, in its order.
    pub(crate) fn imports(&self) -> Vec<String> {
        let component_type = self.pre.component().component_type();
        component_type.imports(self.pre.engine()).map(|(name, _)| name.to_owned()).collect()
    }

    /// The interfaces that it exports, in its order.
    pub(crate) fn exports(&self) -> Vec<String> {
        let component_type = self.pre.component().component_type();
        component_type.exports(self.pre.engine()).map(|(name, _)| name.to_owned()).collect()
    }

    /// Whether the component exports what a role needs.
    pub(crate) fn has(&self, role: Role) -> bool {
        match role {
            Role::Backup => self.backup.is_some(),
            Role::Restore => self.restore.is_some(),
            Role::Delete => self.delete.is_some(),
            Role::RelatedItems => self.related.is_some(),
        }
    }
}

/// The linker with everything that a component may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    context::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    journal::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    environment::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    cluster_types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    cluster::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    cluster_write::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Tells apart what no host of ours has and what another version has; the linker's own words name neither a remedy nor more than one import.
fn check_imports(names: &[&str]) -> Result<(), ComponentError> {
    let join = |test: &dyn Fn(&&str) -> bool| -> String {
        names.iter().copied().filter(test).collect::<Vec<_>>().join(", ")
    };
    let foreign = join(&|name| !name.starts_with("lateen:item-action/"));
    if !foreign.is_empty() {
        return Err(ComponentError::ForeignImports(foreign));
    }
    let other = join(&|name| {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        !OFFERED.contains(&interface) || !version.starts_with(&format!("{CONTRACT}."))
    });
    if other.is_empty() { Ok(()) } else { Err(ComponentError::OtherContract(other)) }
}

fn exports(engine: &Engine, component: &Component) -> String {
    let component_type = component.component_type();
    let names: Vec<&str> = component_type.exports(engine).map(|(name, _)| name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The causes of an error on one line.
pub(super) fn chain(error: &wasmtime::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_told_apart() {
        let refusal = |names: &[&str]| check_imports(names).map_err(|error| error.to_string());
        assert_eq!(
            refusal(&["lateen:item-action/context@0.2.0", "lateen:item-action/journal@0.2.7"]),
            Ok(())
        );
        let foreign = refusal(&[
            "wasi:cli/environment@0.2.0",
            "lateen:item-action/context@0.2.0",
            "env",
            "lateen:item-action/volumes@0.2.0",
        ]);
        let foreign = foreign.unwrap_err();
        assert!(
            foreign.starts_with("the component imports wasi:cli/environment@0.2.0, env, which"),
            "{foreign}"
        );
        let newer = refusal(&["lateen:item-action/cluster@0.1.0", "lateen:item-action/context@0.3.0"]);
        let newer = newer.unwrap_err();
        assert!(
            newer
                .contains("cluster@0.1.0, lateen:item-action/context@0.3.0, and this server has version 0.2"),
            "{newer}"
        );
    }
}
