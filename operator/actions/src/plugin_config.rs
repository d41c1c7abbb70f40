//! Velero's ConfigMaps that configure an action: label `velero.io/plugin-config`, and a second one `<name of the action>: <kind of plugin>`.
//!
//! There may be one per action and kind. Two are an error of what the action matches, as with Velero, which looks them up whenever the plugin is used.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_api::labels::PLUGIN_CONFIG;

use crate::{source::source_name, subject::Role};

/// The ConfigMaps that configure actions.
pub(crate) struct PluginConfigs<'a>(Vec<&'a ConfigMap>);

/// What an action is given for some of its roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleConfig {
    pub(crate) roles: Vec<Role>,
    /// A JSON object of strings; none where there is no ConfigMap. The error is for people.
    pub(crate) config: Result<Option<String>, String>,
}

impl<'a> PluginConfigs<'a> {
    /// Those among these ConfigMaps.
    pub(crate) fn among(configmaps: impl IntoIterator<Item = &'a ConfigMap>) -> Self {
        let labelled = |map: &&ConfigMap| label(map, PLUGIN_CONFIG).is_some();
        Self(configmaps.into_iter().filter(labelled).collect())
    }

    /// What an action of this name is given. Roles with the same configuration stay together, since they share their instances.
    pub(crate) fn of(&self, name: &str, roles: &[Role]) -> Vec<RoleConfig> {
        let mut parts: Vec<RoleConfig> = Vec::new();
        for role in roles {
            let config = self.one(name, *role);
            match parts.iter_mut().find(|part| part.config == config) {
                Some(part) => part.roles.push(*role),
                None => parts.push(RoleConfig { roles: vec![*role], config }),
            }
        }
        parts
    }

    fn one(&self, name: &str, role: Role) -> Result<Option<String>, String> {
        let kinds = kinds(role);
        let fits = |map: &&&ConfigMap| label(map, name).is_some_and(|kind| kinds.contains(&kind));
        let found: Vec<&ConfigMap> = self.0.iter().filter(fits).copied().collect();
        match found[..] {
            [] => Ok(None),
            [one] => {
                let nothing = BTreeMap::new();
                let data = one.data.as_ref().unwrap_or(&nothing);
                Ok(Some(serde_json::json!(data).to_string()))
            }
            _ => {
                let mut names: Vec<String> = found.into_iter().map(source_name).collect();
                names.sort_unstable();
                Err(format!(
                    "more than one ConfigMap configures it, by the labels {PLUGIN_CONFIG} and {name}: {}; delete all but one of {}",
                    kinds[0],
                    names.join(", ")
                ))
            }
        }
    }
}

/// Velero's names for the plugins of a role.
fn kinds(role: Role) -> &'static [&'static str] {
    match role {
        Role::Backup => &["BackupItemAction", "BackupItemActionV2"],
        Role::Restore => &["RestoreItemAction", "RestoreItemActionV2"],
        Role::Delete => &["DeleteItemAction"],
        Role::RelatedItems => &["ItemBlockAction"],
    }
}

fn label<'a>(configmap: &'a ConfigMap, key: &str) -> Option<&'a str> {
    configmap.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, action: &str, kind: &str) -> ConfigMap {
        let mut map = ConfigMap::default();
        map.metadata.namespace = Some("velero".into());
        map.metadata.name = Some(name.into());
        let labels = [(PLUGIN_CONFIG, ""), (action, kind)];
        map.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        map.data = Some([("from".to_owned(), name.to_owned())].into());
        map
    }

    #[test]
    fn roles_are_configured_one_by_one() {
        let mut bare = config("bare", "a.example/x", "RestoreItemAction");
        bare.metadata.labels.as_mut().unwrap().remove(PLUGIN_CONFIG);
        let maps = [
            config("one", "a.example/x", "BackupItemActionV2"),
            config("two", "a.example/x", "ItemBlockAction"),
            config("three", "a.example/y", "RestoreItemAction"),
            config("four", "a.example/x", "RestoreItem"),
            bare,
        ];
        let parts = PluginConfigs::among(&maps).of("a.example/x", &Role::ALL);
        let part = |roles: &[Role], text: Option<&str>| RoleConfig {
            roles: roles.to_vec(),
            config: Ok(text.map(ToOwned::to_owned)),
        };
        assert_eq!(
            parts,
            [
                part(&[Role::Backup], Some(r#"{"from":"one"}"#)),
                part(&[Role::Restore, Role::Delete], None),
                part(&[Role::RelatedItems], Some(r#"{"from":"two"}"#)),
            ]
        );
    }

    #[test]
    fn two_are_too_many() {
        let maps = [
            config("b", "a.example/x", "RestoreItemAction"),
            config("a", "a.example/x", "RestoreItemActionV2"),
        ];
        let parts = PluginConfigs::among(&maps).of("a.example/x", &[Role::Restore]);
        let error = parts[0].config.as_ref().unwrap_err();
        assert!(error.contains("delete all but one of velero/a, velero/b"), "{error}");
    }

    #[test]
    fn without_data_it_is_an_empty_object() {
        let mut map = config("a", "a.example/x", "DeleteItemAction");
        map.data = None;
        let parts = PluginConfigs::among([&map]).of("a.example/x", &[Role::Delete]);
        assert_eq!(parts[0].config, Ok(Some("{}".to_owned())));
    }
}
