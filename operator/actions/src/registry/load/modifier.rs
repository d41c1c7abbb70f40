//! From the ConfigMap that a Restore names to the action that modifies its items.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Bytes, Draft, Load, configure};
use crate::{
    ITEM_ACTION_LABEL, MANIFEST_KEY,
    configuration::{Configuration, Script},
    library::RESOURCE_MODIFIERS,
    manifest::Manifest,
    matching::ResourcePatterns,
    set::{Action, ActionState, Rank},
    source::{Declared, Source, source_name},
    subject::Role,
};

/// Of all rules of one ConfigMap: they may do to an item whatever a user could do to it before creating it, and to Secrets too.
const MANIFEST: &str = "
name: lateen.dev/resource-modifiers
on: [restore]
match: {resources: ['*', secrets]}
component: builtin
capabilities: {identity: true, secrets: true}
";

/// Characters that make a pattern of a rule's `groupResource`.
const PATTERN: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// What is read of the rules here: which kinds they name. All else is for the component.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    resource_modifier_rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    conditions: Conditions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conditions {
    group_resource: String,
}

impl<'a> Load<'a> {
    /// The modifier that a ConfigMap holds. The error is for the Restore.
    pub(in crate::registry) async fn modifier(&mut self, configmap: &'a ConfigMap) -> Result<Action, String> {
        let source = source_name(configmap);
        let parsing = |reason: String| {
            format!("Error in parsing resource modifiers provided in configmap {source}: {reason}")
        };
        if configmap.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(ITEM_ACTION_LABEL)) {
            return Err(parsing(format!(
                "its label {ITEM_ACTION_LABEL} makes it an action of every run; take the label off"
            )));
        }
        let (data, binary) = (configmap.data.as_ref(), configmap.binary_data.as_ref());
        if data.is_some_and(|data| data.contains_key(MANIFEST_KEY))
            || binary.is_some_and(|data| data.contains_key(MANIFEST_KEY))
        {
            return self.modifying_action(configmap, &source).await.map_err(parsing);
        }
        let only = data.filter(|data| data.len() == 1).and_then(|data| data.values().next());
        match only {
            Some(rules) => self.rules(&source, rules).await,
            None => Err(parsing(format!("illegal resource modifiers {source} configmap"))),
        }
    }

    /// Velero's rules, as the script of the component that knows them. Its refusals have Velero's words, and name the ConfigMap.
    async fn rules(&mut self, source: &str, rules: &str) -> Result<Action, String> {
        let component = self
            .library
            .component(RESOURCE_MODIFIERS)
            .ok_or("this build of the server does not contain the component of resource modifiers")?;
        let parsed = Manifest::parse(MANIFEST, self.host.options().ceiling);
        let mut manifest = parsed.map_err(|error| error.to_string())?;
        if let Some(named) = named(rules) {
            manifest.matcher.resources = named;
        }
        let script = Script { name: source.to_owned(), text: rules.to_owned() };
        let configuration = Configuration { script: Some(script), plugin_config: None };
        let compiled = self.compile(component.sha256, Bytes::InLibrary(component.clone())).await;
        let compiled = compiled.map_err(|error| error.to_string())?;
        configure(&compiled, &manifest, &configuration).await?;
        Ok(Action {
            manifest,
            configuration,
            rank: Rank::BuiltIn(0),
            source: source.to_owned(),
            digest: Some(Sha256::digest(rules).into()),
            component: Some(component.sha256),
            state: ActionState::Ready(compiled),
            stats: Arc::default(),
        })
    }

    /// An action with a manifest, which must be one for restores and nothing else.
    async fn modifying_action(&mut self, configmap: &'a ConfigMap, source: &str) -> Result<Action, String> {
        let read = Source::read(configmap, &self.chunks, self.host.options().ceiling);
        let Source { declared, fingerprint } = read.map_err(|error| error.to_string())?;
        let (manifest, code) = match declared {
            Declared::Action(manifest, code) => (*manifest, code.map_err(|error| error.to_string())?),
            Declared::SwitchedOff(off) => {
                return Err(format!("{MANIFEST_KEY}: it switches {} off and is no action itself", off.name));
            }
        };
        if manifest.roles != [Role::Restore] {
            return Err(format!(
                "{MANIFEST_KEY}: a resource modifier is called on restore and nowhere else; say `on: [restore]`"
            ));
        }
        let program = self.program(code).await.map_err(|error| error.to_string());
        let source = source.to_owned();
        let draft = Draft { manifest, plugin_config: Ok(None), rank: Rank::Own, source, fingerprint };
        let action = self.make(draft, program).await;
        match &action.state {
            ActionState::Ready(_) => Ok(action),
            ActionState::Broken(reason) => Err(reason.clone()),
        }
    }
}

/// The kinds that the rules name, if none of them is a pattern: all others are then not even looked at.
fn named(rules: &str) -> Option<ResourcePatterns> {
    let rules: Rules = serde_yaml_ng::from_str(rules).ok()?;
    let mut named: Vec<String> =
        rules.resource_modifier_rules.into_iter().map(|rule| rule.conditions.group_resource).collect();
    named.sort_unstable();
    named.dedup();
    if named.iter().any(|name| name.contains(PATTERN)) {
        return None;
    }
    ResourcePatterns::parse(&named).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_patterns_concern_the_kinds_that_they_name() {
        let rules = |resource: &str| {
            format!(
                "version: v1\nresourceModifierRules:\n- conditions: {{groupResource: pods}}\n\
                 - conditions: {{groupResource: {resource}}}\n"
            )
        };
        let secrets = named(&rules("secrets")).expect("no pattern");
        assert!(secrets.matches("", "secrets") && secrets.matches("", "pods"));
        assert!(!secrets.matches("apps", "deployments"));
        for pattern in ["'*'", "'*.apps'", "'deploy{ments,}.apps'", "'pod?'", "Pods", "pods/log"] {
            assert!(named(&rules(pattern)).is_none(), "{pattern}");
        }
        assert!(named("version: v1").is_none());
    }
}
