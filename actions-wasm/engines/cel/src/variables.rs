//! What an expression is told, under the names of a MutatingAdmissionPolicy where there is one.

use cel::{
    Context,
    common::{types::CelNull, value::Val},
};
use lateen_engine_kit::{Host, Scene, facts};

use crate::values;

/// All of them. `object` is the item, `oldObject` on restore the item as it is in the archive and null otherwise. The kit's `facts` tell what is in `run`
/// and `item`.
pub(crate) const NAMES: [&str; 6] = ["object", "oldObject", "params", "config", "run", "item"];

/// What is the same in every call.
pub(crate) struct Settings {
    /// The manifest's parameters.
    pub(crate) params: Box<dyn Val>,
    /// Data of Velero's ConfigMap for the plugin, null where there is none.
    pub(crate) config: Box<dyn Val>,
}

/// Puts one into the context. Each costs time, so only those that the expression names are asked for.
pub(crate) fn bind(
    context: &mut Context<'_, '_>,
    name: &'static str,
    object: &str,
    settings: &Settings,
    (scene, host): (&Scene, &dyn Host),
) -> Result<(), serde_json::Error> {
    let value = match name {
        "object" => values::parse(object)?,
        "oldObject" => match host.original() {
            Some(original) => values::parse(&original)?,
            None => Box::new(CelNull),
        },
        "run" => values::of(facts::run(&host.run(), scene.role))?,
        "item" => values::of(facts::item(&host.subject()))?,
        "config" => settings.config.clone(),
        _ => settings.params.clone(),
    };
    context.add_variable_as_val(name, value);
    Ok(())
}
