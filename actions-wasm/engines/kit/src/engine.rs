//! What a language implements.

use std::rc::Rc;

use crate::{Host, Role, Verdict};

/// A script and all that configures it.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The key of the ConfigMap, which error messages begin with: `script.jq`.
    pub name: String,
    /// The program.
    pub text: String,
    /// `params` of the manifest, a JSON object.
    pub params: String,
    /// Data of Velero's ConfigMap for the plugin, a JSON object of strings; none where there is no such ConfigMap.
    pub plugin_config: Option<String>,
}

/// What a call is about. All else is asked of the host, and paid for only then.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// What the script was called for.
    pub role: Role,
}

impl Scene {
    /// Whether the script's object is the answer. Where it is not (deletion, related items) a script may also give none.
    pub fn wants_item(self) -> bool {
        matches!(self.role, Role::BackupItem | Role::RestoreItem)
    }
}

/// A script in one language, compiled.
pub trait Engine: Sized {
    /// Once per instance. Neither the run nor the item is known, since the host also calls it when a ConfigMap appears: keep `host`, do not ask it yet.
    ///
    /// # Errors
    /// For the author of the script, `<script name>:<line>:<column>: <message>` ([`located`](crate::located)).
    fn compile(script: &Script, host: Rc<dyn Host>) -> Result<Self, String>;

    /// One call with an item, a JSON object as text. The result must not depend on the calls before.
    ///
    /// # Errors
    /// Why the item fails, in the same form as far as the language knows the place.
    fn run(&self, item: &str, scene: &Scene) -> Result<Verdict, String>;
}
