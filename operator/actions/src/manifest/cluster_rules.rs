//! Rules of access to the cluster: verbs, kinds and namespaces, as a manifest asks for them and as the server's flags allow them.
//!
//! One grammar serves both. A rule without namespaces means all of them and what is cluster-scoped; a rule with namespaces never means the
//! latter. `*` never means Secrets, and there is no way to write a subresource.
//!
//! Nothing here sends a request: the host asks before it does.

use std::{fmt, str::FromStr, sync::Arc};

use serde::Deserialize;

use super::ManifestError;
use crate::matching::{NamespaceGlobs, PatternError, ResourcePatterns};

/// The kind by which the server's flags name ConfigMaps that carry an item action. It exists in no cluster.
pub const ITEM_ACTIONS: (&str, &str) = ("lateen.dev", "item-actions");

/// Groups whose objects are written only where the server's flags name them: what the server itself obeys, and what gives rights.
const GUARDED_GROUPS: [&str; 2] = ["velero.io", "rbac.authorization.k8s.io"];

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One object.
    Get,
    /// All objects of a kind.
    List,
    /// A new object.
    Create,
    /// A change to an object; server-side apply may create it.
    Patch,
    /// A change to an object's status.
    PatchStatus,
    /// An object goes.
    Delete,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::List, Self::Create, Self::Patch, Self::PatchStatus, Self::Delete];

    /// As it is written in manifests and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::PatchStatus => "patch-status",
            Self::Delete => "delete",
        }
    }

    /// Whether it changes the cluster.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::List)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No such verb.
    #[error("{0:?} is no verb; there are get, list, create, patch, patch-status and delete")]
    Verb(String),
    /// It allows nothing.
    #[error("a rule needs at least one of `{0}`")]
    Empty(&'static str),
    /// A subresource.
    #[error(
        "{0:?} names a subresource, and those are never granted; the verb patch-status is for the status"
    )]
    Subresource(String),
    /// A pattern of kinds or namespaces.
    #[error("{field}: {source}")]
    Pattern {
        /// Where it stands.
        field: &'static str,
        /// What is wrong with it.
        source: PatternError,
    },
    /// A flag that has not two or three parts.
    #[error(
        "{0:?} must be verbs:kinds or verbs:kinds:namespaces, each a comma list, as in 'get,list:pods,*.apps:team-*'"
    )]
    Flag(String),
}

/// One rule.
#[derive(Debug, Clone)]
pub struct ClusterRule {
    verbs: Vec<Verb>,
    kinds: Vec<String>,
    namespaces: Vec<String>,
    resources: ResourcePatterns,
    globs: NamespaceGlobs,
}

/// Rules, any of which is enough. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ClusterRules(Arc<[ClusterRule]>);

/// What the server allows actions that do not come with it.
#[derive(Debug, Clone, Default)]
pub struct ClusterCeiling {
    /// `--action-cluster-access`; nothing by default.
    pub rules: ClusterRules,
    /// `--action-service-account`: in whose name requests are made. Without it there are none.
    pub service_account: Option<String>,
}

/// A rule as it is written in a manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClusterRule {
    verbs: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
}

impl ClusterRule {
    fn new(verbs: &[String], kinds: Vec<String>, namespaces: Vec<String>) -> Result<Self, RuleError> {
        let verb = |name: &String| {
            Verb::ALL
                .into_iter()
                .find(|verb| verb.name() == name)
                .ok_or_else(|| RuleError::Verb(name.clone()))
        };
        let verbs: Vec<Verb> = verbs.iter().map(verb).collect::<Result<_, _>>()?;
        if verbs.is_empty() {
            return Err(RuleError::Empty("verbs"));
        }
        if kinds.is_empty() {
            return Err(RuleError::Empty("resources"));
        }
        if let Some(kind) = kinds.iter().find(|kind| kind.contains('/')) {
            return Err(RuleError::Subresource(kind.clone()));
        }
        let pattern = |field| move |source| RuleError::Pattern { field, source };
        let resources = ResourcePatterns::parse(&kinds).map_err(pattern("resources"))?;
        let globs = NamespaceGlobs::parse(&namespaces).map_err(pattern("namespaces"))?;
        Ok(Self { verbs, kinds, namespaces, resources, globs })
    }

    fn allows(&self, verb: Verb, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        self.verbs.contains(&verb) && self.resources.matches(group, resource) && self.globs.matches(namespace)
    }

    /// Whether everything is allowed that one verb, one pattern of kinds and one of namespaces ask for. Of two patterns of namespaces with `?` or
    /// brackets more is taken to be covered than may be: each request is held against the flags again.
    fn covers(&self, verb: Verb, kinds: &ResourcePatterns, namespaces: Option<&str>) -> bool {
        self.verbs.contains(&verb) && self.resources.covers(kinds) && self.globs.matches(namespaces)
    }
}

/// The form of the flag: `get,list:pods,*.apps:team-*`.
impl FromStr for ClusterRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let list = |part: &str| -> Vec<String> { part.split(',').map(|one| one.trim().to_owned()).collect() };
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [verbs, kinds] => Self::new(&list(verbs), list(kinds), Vec::new()),
            [verbs, kinds, namespaces] => Self::new(&list(verbs), list(kinds), list(namespaces)),
            _ => Err(RuleError::Flag(text.to_owned())),
        }
    }
}

impl fmt::Display for ClusterRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs: Vec<&str> = self.verbs.iter().map(|verb| verb.name()).collect();
        write!(f, "{}:{}", verbs.join(","), self.kinds.join(","))?;
        if !self.namespaces.is_empty() {
            write!(f, ":{}", self.namespaces.join(","))?;
        }
        Ok(())
    }
}

/// The rules of a manifest; `secrets` is the grant beside them.
pub(super) fn validate(raw: Vec<RawClusterRule>, secrets: bool) -> Result<ClusterRules, ManifestError> {
    let rule = |(index, raw): (usize, RawClusterRule)| {
        ClusterRule::new(&raw.verbs, raw.resources, raw.namespaces)
            .map_err(|source| ManifestError::ClusterRule { index, source })
    };
    let rules: ClusterRules = raw.into_iter().enumerate().map(rule).collect::<Result<_, _>>()?;
    if rules.name_secrets() && !secrets {
        return Err(ManifestError::ClusterSecrets);
    }
    Ok(rules)
}

impl ClusterRules {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a rule allows this. `namespace: None` is a cluster-scoped object, or all namespaces at once.
    pub fn allow(&self, verb: Verb, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        self.0.iter().any(|rule| rule.allows(verb, group, resource, namespace))
    }

    /// Whether a rule allows this verb for the kind somewhere.
    pub fn allow_somewhere(&self, verb: Verb, group: &str, resource: &str) -> bool {
        self.0.iter().any(|rule| rule.verbs.contains(&verb) && rule.resources.matches(group, resource))
    }

    /// Whether a rule allows this and names the kind or its group, not all kinds at once.
    pub fn name(&self, verb: Verb, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        self.0.iter().any(|rule| {
            rule.allows(verb, group, resource, namespace) && rule.resources.names(group, resource)
        })
    }

    /// Whether Secrets are named.
    pub fn name_secrets(&self) -> bool {
        self.0.iter().any(|rule| rule.resources.names_secrets())
    }
}

impl FromIterator<ClusterRule> for ClusterRules {
    fn from_iter<T: IntoIterator<Item = ClusterRule>>(rules: T) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl ClusterCeiling {
    /// Whether the flags allow a request.
    pub fn allows(&self, verb: Verb, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        self.service_account.is_some()
            && if verb.writes() && GUARDED_GROUPS.contains(&group) {
                self.rules.name(verb, group, resource, namespace)
            } else {
                self.rules.allow(verb, group, resource, namespace)
            }
    }

    /// Whether the flags allow to write a ConfigMap that carries an item action.
    pub fn allows_actions(&self, verb: Verb, namespace: Option<&str>) -> bool {
        let (group, resource) = ITEM_ACTIONS;
        self.service_account.is_some() && self.rules.name(verb, group, resource, namespace)
    }
}

/// Whether the server's flags allow all that a manifest asks for. The error is for its author, and names the flag.
pub fn check_ceiling(asked: &ClusterRules, ceiling: &ClusterCeiling) -> Result<(), String> {
    if asked.is_empty() {
        return Ok(());
    }
    if ceiling.service_account.is_none() {
        return Err(
            "capabilities.cluster: this server gives actions no access to the cluster; it takes the flags --action-service-account and --action-cluster-access"
                .to_owned(),
        );
    }
    for rule in asked.0.iter() {
        let namespaces: Vec<Option<&str>> = if rule.namespaces.is_empty() {
            vec![None]
        } else {
            rule.namespaces.iter().map(|pattern| Some(pattern.as_str())).collect()
        };
        for kind in &rule.kinds {
            let pattern =
                ResourcePatterns::parse(std::slice::from_ref(kind)).map_err(|error| error.to_string())?;
            for verb in &rule.verbs {
                for namespace in &namespaces {
                    if !ceiling.rules.0.iter().any(|own| own.covers(*verb, &pattern, *namespace)) {
                        let place = namespace.map(|namespace| format!(":{namespace}")).unwrap_or_default();
                        return Err(format!(
                            "capabilities.cluster asks for more than this server allows; it takes the flag --action-cluster-access '{verb}:{kind}{place}'"
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
