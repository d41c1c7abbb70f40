//! The rules as a ConfigMap holds them: read strictly, and validated all at once.
//!
//! Rules that exist are rules that can be applied; what is wrong is told in Velero's words, and with its place.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    conditions::{Conditions, RawConditions},
    edit::Edit,
    json_patch::RawOperation,
    text::Text,
};

/// The one version that there is.
const VERSION: &str = "v1";

/// The file as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct RawRules {
    version: Text,
    resource_modifier_rules: Option<Vec<RawRule>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct RawRule {
    conditions: RawConditions,
    patches: Option<Vec<RawOperation>>,
    merge_patches: Option<Vec<RawPatch>>,
    strategic_patches: Option<Vec<RawPatch>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct RawPatch {
    patch_data: Text,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Which items it is for.
    pub(crate) conditions: Conditions,
    /// What becomes of them.
    pub(crate) edit: Edit,
}

/// Reads the rules of a ConfigMap.
///
/// # Errors
/// For the author of the rules, with the ConfigMap's name.
pub(crate) fn read(configmap: &str, text: &str) -> Result<Vec<Rule>, String> {
    let named = format!("resource modifiers provided in configmap {configmap}");
    let raw: RawRules = serde_yaml_ng::from_str(text).map_err(|error| {
        format!("Error in parsing {named}: failed to decode yaml data into resource modifiers, err: {error}")
    })?;
    validate(raw).map_err(|faults| format!("Validation error in {named}: {}", faults.join("; ")))
}

fn validate(raw: RawRules) -> Result<Vec<Rule>, Vec<String>> {
    let RawRules { version: Text(version), resource_modifier_rules } = raw;
    let mut faults = Vec::new();
    if !version.eq_ignore_ascii_case(VERSION) {
        faults.push(format!("unsupported resource modifier version {version}"));
    }
    let raw = resource_modifier_rules.unwrap_or_default();
    if raw.is_empty() {
        faults.push("resource modifier rules cannot be empty".to_owned());
    }
    let mut rules = Vec::new();
    for (index, rule) in raw.into_iter().enumerate() {
        let mut of_rule = Vec::new();
        rules.extend(rule.validate(&mut of_rule));
        faults.extend(of_rule.into_iter().map(|fault| format!("{fault} ({})", place(index))));
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

/// Where a rule stands.
pub(crate) fn place(index: usize) -> String {
    format!("resourceModifierRules[{index}]")
}

impl RawRule {
    fn validate(self, faults: &mut Vec<String>) -> Option<Rule> {
        let Self { conditions, patches, merge_patches, strategic_patches } = self;
        let conditions = conditions.validate(faults);
        let (patches, merge, strategic) = (
            patches.unwrap_or_default(),
            merge_patches.unwrap_or_default(),
            strategic_patches.unwrap_or_default(),
        );
        let edit = match (&patches[..], &merge[..], &strategic[..]) {
            ([], [], []) => Err(vec!["no patch data found".to_owned()]),
            (patches, [], []) => all("patches", patches, RawOperation::validate).map(Edit::Json),
            ([], patches, []) => all("mergePatches", patches, RawPatch::validate).map(Edit::Merge),
            ([], [], patches) => all("strategicPatches", patches, RawPatch::validate).map(Edit::Strategic),
            _ => Err(vec!["only one of patches, mergePatches, strategicPatches can be specified".to_owned()]),
        };
        let edit = edit.map_err(|more| faults.extend(more)).ok();
        Some(Rule { conditions: conditions?, edit: edit? })
    }
}

/// Reads all patches of a list, or tells what is wrong with any of them.
fn all<R, T>(
    list: &str,
    raw: &[R],
    validate: impl Fn(&R) -> Result<T, String>,
) -> Result<Vec<T>, Vec<String>> {
    let mut faults = Vec::new();
    let mut patches = Vec::new();
    for (index, one) in raw.iter().enumerate() {
        match validate(one) {
            Ok(patch) => patches.push(patch),
            Err(fault) => faults.push(format!("{fault} ({list}[{index}])")),
        }
    }
    if faults.is_empty() { Ok(patches) } else { Err(faults) }
}

impl RawPatch {
    /// An object, written as JSON or as YAML.
    fn validate(&self) -> Result<Value, String> {
        let text = &self.patch_data.0;
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) => serde_yaml_ng::from_str(text)
                .map_err(|error| format!("patchData is neither JSON nor YAML: {error}"))?,
        };
        if value.is_object() { Ok(value) } else { Err("patchData must be an object".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONDITIONS: &str = "conditions: {groupResource: pods}";

    fn fault(text: &str) -> String {
        read("velero/rules", text).unwrap_err()
    }

    fn rule(text: &str) -> String {
        format!("version: v1\nresourceModifierRules:\n- {CONDITIONS}\n  {text}\n")
    }

    #[test]
    fn all_forms_of_velero_s_rules_are_read() {
        let text = r#"
version: V1
resourceModifierRules:
- conditions:
    groupResource: deployments.apps
    namespaces: [ns*]
    resourceNameRegex: ^x
    labelSelector: {matchLabels: {a: b}}
    matches: [{path: /spec/replicas, value: 3}]
  patches:
  - operation: replace
    path: /spec/replicas
    value: 5
- conditions: {groupResource: pvc}
  mergePatches:
  - patchData: |
      {"metadata": {"annotations": {"a": null}}}
  - patchData: |
      metadata:
        labels: {b: c}
- conditions: {groupResource: pods}
  patches: null
  strategicPatches:
  - patchData: "{\"spec\":\t{}}"
"#;
        let rules = read("velero/rules", text).unwrap();
        let edits: Vec<_> = rules.iter().map(|rule| std::mem::discriminant(&rule.edit)).collect();
        let expected = [Edit::Json(vec![]), Edit::Merge(vec![]), Edit::Strategic(vec![])];
        assert_eq!(edits, expected.each_ref().map(std::mem::discriminant));
        // JSON is YAML.
        read("a/b", r#"{"version":"v1","resourceModifierRules":[{"conditions":{"groupResource":"pods"},"mergePatches":[{"patchData":"{}"}]}]}"#)
            .unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_no_rule() {
        let begin = "Error in parsing resource modifiers provided in configmap velero/rules: failed to decode yaml data into resource modifiers, err: ";
        let cases = [
            (rule("patch: []"), "unknown field `patch`"),
            (rule("patches: [{operation: add, path: /a, values: 1}]"), "unknown field `values`"),
            (rule("patches: {}"), "invalid type: map, expected a sequence"),
            ("version: v1\nversion: v1\n".to_owned(), "duplicate field `version`"),
            ("version: 'v1".to_owned(), "found unexpected end of stream"),
            (
                "version: v1\nresourceModifierRules: [{conditions: {namespaces: all}}]".to_owned(),
                "invalid type: string \"all\"",
            ),
        ];
        for (text, expected) in cases {
            let fault = fault(&text);
            assert!(fault.starts_with(begin) && fault.contains(expected), "{fault}");
        }
    }

    #[test]
    fn what_is_not_valid_is_told_in_velero_s_words() {
        let begin = "Validation error in resource modifiers provided in configmap velero/rules: ";
        let cases = [
            (
                "version: v2\n".to_owned(),
                "unsupported resource modifier version v2; resource modifier rules cannot be empty",
            ),
            ("version: v1\nresourceModifierRules: []".to_owned(), "resource modifier rules cannot be empty"),
            (
                "version: v1\nresourceModifierRules: [{mergePatches: [{patchData: '{}'}]}]".to_owned(),
                "groupkResource cannot be empty (resourceModifierRules[0])",
            ),
            (rule(""), "no patch data found (resourceModifierRules[0])"),
            (
                rule("patches: [{operation: add, path: /a}]\n  mergePatches: [{patchData: '{}'}]"),
                "only one of patches, mergePatches, strategicPatches can be specified (resourceModifierRules[0])",
            ),
            (
                rule("patches: [{operation: merge, path: /a}, {operation: add}]"),
                "unsupported operation merge (patches[0]) (resourceModifierRules[0]); path cannot be empty (patches[1]) (resourceModifierRules[0])",
            ),
            (
                rule("mergePatches: [{patchData: 'a'}]"),
                "patchData must be an object (mergePatches[0]) (resourceModifierRules[0])",
            ),
            (
                rule("strategicPatches: [{}]"),
                "patchData must be an object (strategicPatches[0]) (resourceModifierRules[0])",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(&text), format!("{begin}{expected}"), "{text}");
        }
        let fault = fault(&rule("mergePatches: [{patchData: '{a: [}'}]"));
        assert!(fault.contains("patchData is neither JSON nor YAML: "), "{fault}");
    }
}
