//! The rules of a ConfigMap, and an item on its way through them.

use std::rc::Rc;

use lateen_engine_kit::{Engine, Host, Level, Scene, Script, Verdict, diff};
use serde_json::Value;

use crate::{
    json_patch::Patched,
    node::Seen,
    rules::{Rule, place, read},
};

/// The rules of one ConfigMap.
pub struct Modifiers {
    /// Of the ConfigMap, `namespace/name`.
    name: String,
    rules: Vec<Rule>,
    host: Rc<dyn Host>,
}

impl Engine for Modifiers {
    fn compile(script: &Script, host: Rc<dyn Host>) -> Result<Self, String> {
        let rules = read(&script.name, &script.text)?;
        Ok(Self { name: script.name.clone(), rules, host })
    }

    fn run(&self, item: &str, _: &Scene) -> Result<Verdict, String> {
        let before: Value =
            serde_json::from_str(item).map_err(|error| format!("cannot read the item: {error}"))?;
        let subject = self.host.subject();
        // All of them before the first changes anything: a rule must not make another one's condition true.
        let chosen: Vec<(usize, &Rule)> = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.conditions.hold(&subject, &before))
            .collect();
        if chosen.is_empty() {
            return Ok(Verdict::default());
        }
        let mut after = before.clone();
        for (index, rule) in chosen {
            self.apply(index, rule, &mut after)?;
        }
        self.keep_namespace(&before, &mut after);
        diff(&Seen(&before), &Seen(&after)).map(Verdict::patch)
    }
}

impl Modifiers {
    fn apply(&self, index: usize, rule: &Rule, object: &mut Value) -> Result<(), String> {
        let located =
            |error: String| format!("error in applying patch {error} ({} of {})", place(index), self.name);
        match rule.edit.apply(object).map_err(located)? {
            Patched::Done if object.is_object() => Ok(()),
            Patched::Done => Err(located("the result is no object".to_owned())),
            Patched::TestFailed => {
                let line =
                    format!("a test operation does not hold, its patch is left out ({})", place(index));
                self.host.log(Level::Info, &line);
                Ok(())
            }
        }
    }

    /// Where an item is restored to is for the namespace mapping to say.
    fn keep_namespace(&self, before: &Value, after: &mut Value) {
        let namespace = before.pointer("/metadata/namespace");
        if after.pointer("/metadata/namespace") == namespace {
            return;
        }
        self.host.log(
            Level::Warn,
            "metadata.namespace stays as it is; a Restore maps namespaces by namespaceMapping",
        );
        let Some(metadata) = after.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        match namespace {
            Some(namespace) => metadata.insert("namespace".to_owned(), namespace.clone()),
            None => metadata.remove("namespace"),
        };
    }
}

#[cfg(test)]
mod tests;
