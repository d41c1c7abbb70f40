//! `velero.io/change-image-name`: images get other names, by the ConfigMap with the labels `velero.io/plugin-config` and
//! `velero.io/change-image-name: RestoreItemAction`; each of its values is `<old part>,<new part>`.

use std::{cell::OnceCell, collections::BTreeMap};

use lateen_action::{NoParams, Outcome, warn};
use serde::Deserialize;

use super::patch::Patch;

thread_local! {
    static RULES: OnceCell<Vec<Rule>> = const { OnceCell::new() };
}

/// A part of an image's name, and what takes its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    old: String,
    new: String,
}

/// What matters of anything that runs containers: of a pod, and of what makes pods or jobs, which have the same fields one or three levels deeper.
#[derive(Deserialize)]
pub(crate) struct Runs {
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    template: Option<Box<Runs>>,
    job_template: Option<Box<Runs>>,
}

#[derive(Deserialize)]
struct Container {
    image: Option<String>,
}

/// An image that no rule fits keeps its name.
pub(crate) fn restore(runs: &Runs, _: &NoParams) -> Result<Outcome, String> {
    let Some(config) = lateen_action::plugin_config() else { return Ok(Outcome::unchanged()) };
    RULES.with(|rules| Ok(execute(runs, rules.get_or_init(|| read(config, warn)))))
}

/// The rules in the order of their keys. One that cannot be read is told, and the others are applied.
pub(super) fn read(config: &BTreeMap<String, String>, warn: impl Fn(&str)) -> Vec<Rule> {
    let rule = |(key, value): (&String, &String)| {
        let rule = Rule::read(value);
        if rule.is_none() {
            warn(&format!(
                "the ConfigMap for this action has the value {value:?} under {key:?}, which means nothing and is passed over; write <old part>,<new part>"
            ));
        }
        rule
    };
    config.iter().filter_map(rule).collect()
}

pub(super) fn execute(runs: &Runs, rules: &[Rule]) -> Outcome {
    let mut patch = Patch::default();
    if !rules.is_empty() {
        runs.spec.change("/spec", rules, &mut patch);
    }
    patch.outcome()
}

impl Rule {
    /// Blanks around either part do not count; of a new part nothing else need be there, which takes the old one away.
    fn read(value: &str) -> Option<Self> {
        let (old, new) = value.split_once(',')?;
        let rule = Self { old: old.trim().to_owned(), new: new.trim().to_owned() };
        (!rule.old.is_empty() && !new.is_empty()).then_some(rule)
    }
}

impl Spec {
    fn change(&self, spec: &str, rules: &[Rule], patch: &mut Patch) {
        for (list, containers) in
            [("containers", &self.containers), ("initContainers", &self.init_containers)]
        {
            for (place, container) in containers.iter().flatten().enumerate() {
                let Some(image) = &container.image else { continue };
                // The first that fits, and no other: rules do not build on each other.
                let Some(rule) = rules.iter().find(|rule| image.contains(&rule.old)) else { continue };
                patch.add(&format!("{spec}/{list}/{place}/image"), image.replace(&rule.old, &rule.new));
            }
        }
        for (key, inner) in [("template", &self.template), ("jobTemplate", &self.job_template)] {
            if let Some(inner) = inner {
                inner.spec.change(&format!("{spec}/{key}/spec"), rules, patch);
            }
        }
    }
}
