//! A compiled script, and how its verdicts become the outcomes of the roles.

use std::{cell::OnceCell, rc::Rc};

use crate::{
    Change, Engine, Level, Role, Scene, Script, Verdict,
    bindings::exports::lateen::item_action::{
        action::Settings, backup_item::BackupOutcome, restore_item::RestoreOutcome,
    },
    bindings::lateen::item_action::types::ObjectRef,
    host::{Host, Imports},
};

/// What an instance keeps between calls: the compiled script.
pub struct Instance<E> {
    engine: OnceCell<E>,
    host: Rc<dyn Host>,
}

impl<E: Engine> Instance<E> {
    /// An instance that calls the component's host.
    pub fn new() -> Self {
        Self::with(Rc::new(Imports))
    }

    /// An instance with a host of the caller's.
    pub fn with(host: Rc<dyn Host>) -> Self {
        Self { engine: OnceCell::new(), host }
    }

    /// Compiles the script.
    pub fn configure(&self, settings: Settings) -> Result<(), String> {
        let script = settings
            .script
            .ok_or("a script engine runs a script: put one under the key of the manifest's `script`")?;
        let script = Script {
            name: script.name,
            text: script.text,
            params: settings.params,
            plugin_config: settings.plugin_config,
        };
        let engine = E::compile(&script, Rc::clone(&self.host))?;
        self.engine.set(engine).map_err(|_| "configured twice".to_owned())
    }

    /// Role backup-item.
    pub fn backup(&self, item: &str) -> Result<BackupOutcome, String> {
        let Verdict { change, identity, skip, related, must_include } = self.run(item, Role::BackupItem)?;
        Ok(BackupOutcome {
            change: change.into(),
            identity,
            skip,
            related,
            must_include,
            operation: None,
            extra: String::new(),
        })
    }

    /// Role restore-item.
    pub fn restore(&self, item: &str) -> Result<RestoreOutcome, String> {
        let Verdict { change, identity, skip, related, must_include: _ } =
            self.run(item, Role::RestoreItem)?;
        Ok(RestoreOutcome {
            change: change.into(),
            identity,
            skip,
            related,
            wait_seconds: None,
            operation: None,
            extra: String::new(),
        })
    }

    /// Role delete-item. The backup is on its way out: there is nothing to change, to leave out or to bring along.
    pub fn delete(&self, item: &str) -> Result<(), String> {
        let verdict = self.run(item, Role::DeleteItem)?;
        self.refuse_change(&verdict, "delete-item")?;
        if !verdict.related.is_empty() {
            return Err("`also` means nothing in role delete-item: name no related objects".to_owned());
        }
        Ok(())
    }

    /// Role related-items: what the script named by `also`.
    pub fn related(&self, item: &str) -> Result<Vec<ObjectRef>, String> {
        let verdict = self.run(item, Role::RelatedItems)?;
        self.refuse_change(&verdict, "related-items")?;
        Ok(if verdict.skip.is_some() { Vec::new() } else { verdict.related })
    }

    fn run(&self, item: &str, role: Role) -> Result<Verdict, String> {
        let engine = self.engine.get().ok_or("not configured")?;
        engine.run(item, &Scene { role })
    }

    fn refuse_change(&self, verdict: &Verdict, role: &str) -> Result<(), String> {
        if let Some(reason) = &verdict.skip {
            self.host.log(Level::Info, &format!("skipped: {reason}"));
            return Ok(());
        }
        if verdict.change == Change::Unchanged && verdict.identity.is_none() {
            return Ok(());
        }
        Err(format!("an item cannot be changed in role {role}: return it as it came"))
    }
}

impl<E: Engine> Default for Instance<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// A trap tells the host nothing; the log is the only way for the text of a panic.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| Imports.log(Level::Error, &panic.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::Recorded;

    /// Gives the same verdict for every item.
    struct Fixed(Verdict);

    impl Engine for Fixed {
        fn compile(script: &Script, _: Rc<dyn Host>) -> Result<Self, String> {
            let mut verdict = Verdict { must_include: true, ..Verdict::default() };
            match &*script.text {
                "change" => verdict.change = Change::Merge("{}".into()),
                "also" => verdict.related = vec![crate::resource::object_ref("pods", None, "p")],
                "skip" => verdict = Verdict::skip("why"),
                "nothing" => {}
                other => return Err(format!("unknown: {other}")),
            }
            Ok(Self(verdict))
        }

        fn run(&self, _: &str, _: &Scene) -> Result<Verdict, String> {
            Ok(self.0.clone())
        }
    }

    fn instance(text: &str) -> Instance<Fixed> {
        let instance = Instance::with(Rc::<Recorded>::default());
        instance.configure(settings(Some(text))).unwrap();
        instance
    }

    fn settings(text: Option<&str>) -> Settings {
        let script = text.map(|text| crate::bindings::exports::lateen::item_action::action::Script {
            name: "s".into(),
            text: text.into(),
        });
        let empty = String::new;
        Settings {
            name: empty(),
            entry: empty(),
            roles: Vec::new(),
            params: "{}".into(),
            script,
            plugin_config: None,
            extra: empty(),
        }
    }

    #[test]
    fn every_role_takes_from_a_verdict_what_means_something_to_it() {
        assert!(instance("also").backup("{}").unwrap().must_include);
        assert_eq!(instance("also").restore("{}").unwrap().related.len(), 1);
        assert_eq!(instance("skip").restore("{}").unwrap().skip.as_deref(), Some("why"));

        instance("nothing").delete("{}").unwrap();
        instance("skip").delete("{}").unwrap();
        assert!(instance("change").delete("{}").unwrap_err().contains("role delete-item"));
        assert!(instance("also").delete("{}").unwrap_err().contains("no related objects"));

        assert_eq!(instance("also").related("{}").unwrap()[0].name, "p");
        assert!(instance("skip").related("{}").unwrap().is_empty());
        assert!(instance("change").related("{}").unwrap_err().contains("role related-items"));
    }

    #[test]
    fn a_script_is_needed_and_compiled_once() {
        let instance = Instance::<Fixed>::with(Rc::<Recorded>::default());
        assert_eq!(instance.backup("{}").unwrap_err(), "not configured");
        assert!(instance.configure(settings(None)).unwrap_err().contains("runs a script"));
        assert_eq!(instance.configure(settings(Some("x"))).unwrap_err(), "unknown: x");
        instance.configure(settings(Some("nothing"))).unwrap();
        assert_eq!(instance.configure(settings(Some("nothing"))).unwrap_err(), "configured twice");
    }
}
