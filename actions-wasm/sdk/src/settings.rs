//! What the manifest and the administrator say about this action, beyond its parameters.

use std::{collections::BTreeMap, sync::OnceLock};

use crate::bindings::action::exports::lateen::item_action::action::Settings;

static KEPT: OnceLock<Kept> = OnceLock::new();

struct Kept {
    name: String,
    entry: String,
    plugin_config: Option<BTreeMap<String, String>>,
}

pub(crate) fn keep(settings: &Settings) -> Result<(), String> {
    let plugin_config = settings.plugin_config.as_deref().map(serde_json::from_str).transpose();
    let kept = Kept {
        name: settings.name.clone(),
        entry: settings.entry.clone(),
        plugin_config: plugin_config.map_err(|error| format!("plugin-config: {error}"))?,
    };
    KEPT.set(kept).map_err(|_| "configured twice".to_owned())
}

/// The action's full name, `<dns>/<name>`. Empty before it is configured.
pub fn action_name() -> &'static str {
    KEPT.get().map_or("", |kept| &kept.name)
}

/// Which of the component's actions this instance is. Empty before it is configured.
pub fn entry() -> &'static str {
    KEPT.get().map_or("", |kept| &kept.entry)
}

/// Data of the ConfigMap that configures this action the way Velero's plugins are configured: labels `velero.io/plugin-config` and
/// `<name of the action>: <kind of plugin>`. None: there is no such ConfigMap.
pub fn plugin_config() -> Option<&'static BTreeMap<String, String>> {
    KEPT.get()?.plugin_config.as_ref()
}
