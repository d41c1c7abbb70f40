//! What configures an action beside its manifest.

/// The script of a script engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// The key of the ConfigMap, which error messages begin with.
    pub(crate) name: String,
    /// The program.
    pub(crate) text: String,
}

/// Handed to `configure` together with what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Configuration {
    /// What a script engine runs.
    pub(crate) script: Option<Script>,
    /// `data` of Velero's ConfigMap for the action, as a JSON object of strings.
    pub(crate) plugin_config: Option<String>,
}
