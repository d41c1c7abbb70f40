//! A language under test. Its engine is compiled once for all tests of it, which takes seconds; and only its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{
    ActionRegistry, ActionRun, ActionSession, ActionSet, Library, MANIFEST_KEY, Role, SourceReport,
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::world::{configmap, info, registry_with};

/// The name of the action under test.
pub(crate) const NAME: &str = "test.example/script";

pub(crate) static JQ: Language = Language::new("jq", "script.jq", LazyLock::new(|| registry("jq")));
pub(crate) static CEL: Language = Language::new("cel", "script.cel", LazyLock::new(|| registry("cel")));
pub(crate) static JAVASCRIPT: Language =
    Language::new("javascript", "script.js", LazyLock::new(|| registry("javascript")));

pub(crate) struct Language {
    engine: &'static str,
    key: &'static str,
    /// Held from loading until the set is taken.
    registry: LazyLock<Mutex<ActionRegistry>>,
}

impl Language {
    const fn new(engine: &'static str, key: &'static str, registry: LazyLock<Mutex<ActionRegistry>>) -> Self {
        Self { engine, key, registry }
    }

    /// An action for Deployments in every role; `rest` is added to its manifest as it is.
    pub(crate) fn configmap(&self, script: &str, rest: &str) -> ConfigMap {
        let manifest = format!(
            "name: {NAME}\non: [backup, restore, delete, related-items]\n\
             match: {{resources: [deployments.apps]}}\nengine: {}\n{rest}\n",
            self.engine
        );
        let script = (self.key.to_owned(), script.to_owned());
        ConfigMap {
            data: Some([(MANIFEST_KEY.to_owned(), manifest), script].into()),
            binary_data: None,
            ..configmap("script", "", &[])
        }
    }

    pub(crate) async fn load(&self, configmaps: &[ConfigMap]) -> (Arc<ActionSet>, Vec<SourceReport>) {
        let registry = self.registry.lock().await;
        let reports = registry.load(configmaps).await;
        (registry.snapshot(), reports)
    }

    /// A run with these ConfigMaps, all of which have to be in order.
    pub(crate) async fn session_of(&self, role: Role, configmaps: &[ConfigMap]) -> ActionSession {
        let (set, reports) = self.load(configmaps).await;
        for report in &reports {
            assert!(report.outcome.is_ok(), "{report:?}");
        }
        ActionRun::new(set, info(role)).session()
    }

    pub(crate) async fn session(&self, role: Role, script: &str, rest: &str) -> ActionSession {
        self.session_of(role, &[self.configmap(script, rest)]).await
    }
}

/// Velero's ConfigMap for the action, for restores.
pub(crate) fn plugin_config(data: Value) -> ConfigMap {
    let labels = [("velero.io/plugin-config", ""), (NAME, "RestoreItemAction")];
    let mut map = configmap("plugin-config", "", &[]);
    map.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let data: BTreeMap<String, String> = serde_json::from_value(data).expect("it is a map of strings");
    ConfigMap { data: Some(data), binary_data: None, ..map }
}

fn registry(engine: &str) -> Mutex<ActionRegistry> {
    let mut library = lateen_embedded::library();
    library.components.retain(|component| component.name == engine);
    let (_, registry) = registry_with(Library { manifests: Vec::new(), ..library });
    Mutex::new(registry)
}
