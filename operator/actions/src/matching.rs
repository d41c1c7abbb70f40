//! Which items an action is called for: resources, namespaces, labels. Pure, and cheap enough to be asked for every item of a run.

mod selector;

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};
use kube_core::{Selector, SelectorExt};

pub use selector::parse_selector;

/// All three conditions; an item must fulfil each.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// Kinds of objects.
    pub resources: ResourcePatterns,
    /// Namespaces, on restore those in the archive.
    pub namespaces: NamespaceGlobs,
    /// Labels.
    pub selector: Selector,
}

/// A pattern of `match` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} {problem}")]
pub struct PatternError {
    /// As written.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Matcher {
    /// Whether an action with this matcher is called. `labels: None` means that they are not known yet, and counts as a match.
    pub fn matches(
        &self,
        group: &str,
        resource: &str,
        namespace: Option<&str>,
        labels: Option<&BTreeMap<String, String>>,
    ) -> bool {
        self.resources.matches(group, resource)
            && self.namespaces.matches(namespace)
            && labels.is_none_or(|labels| self.selector.matches(labels))
    }
}

/// `deployments.apps`, `configmaps`, `*.example.com`, `*`.
#[derive(Debug, Clone)]
pub struct ResourcePatterns(Vec<ResourcePattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum ResourcePattern {
    All,
    Group(String),
    One { group: String, resource: String },
}

impl ResourcePatterns {
    /// Reads them. Kinds, upper case and subresources are refused.
    pub fn parse(patterns: &[String]) -> Result<Self, PatternError> {
        patterns.iter().map(|pattern| ResourcePattern::parse(pattern)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of them covers the resource. Secrets are covered only where they are named.
    pub fn matches(&self, group: &str, resource: &str) -> bool {
        let secret = is_secrets(group, resource);
        self.0.iter().any(|pattern| match pattern {
            ResourcePattern::All => !secret,
            ResourcePattern::Group(own) => own == group && !secret,
            ResourcePattern::One { group: own, resource: plural } => plural == resource && own == group,
        })
    }

    /// Whether the resource or its group is named, not all resources at once.
    pub(crate) fn names(&self, group: &str, resource: &str) -> bool {
        self.matches(group, resource) && self.0.iter().any(|pattern| pattern.names(group, resource))
    }

    /// Whether all that the others match is matched here.
    pub(crate) fn covers(&self, others: &Self) -> bool {
        others.0.iter().all(|other| match other {
            ResourcePattern::All => self.0.contains(other),
            ResourcePattern::Group(_) => self.0.contains(other) || self.0.contains(&ResourcePattern::All),
            ResourcePattern::One { group, resource } => self.matches(group, resource),
        })
    }

    /// Whether the resource is Secrets and a wildcard would cover it.
    pub(crate) fn matches_secrets(&self, group: &str, resource: &str) -> bool {
        is_secrets(group, resource) && self.0.contains(&ResourcePattern::All)
    }

    /// Whether Secrets are named.
    pub fn names_secrets(&self) -> bool {
        self.matches("", "secrets")
    }

    /// The plurals that are named, or `None` where a wildcard is among them.
    pub(crate) fn plurals(&self) -> Option<Vec<&str>> {
        self.0
            .iter()
            .map(|pattern| match pattern {
                ResourcePattern::One { resource, .. } => Some(resource.as_str()),
                ResourcePattern::All | ResourcePattern::Group(_) => None,
            })
            .collect()
    }
}

impl ResourcePattern {
    fn names(&self, group: &str, resource: &str) -> bool {
        match self {
            Self::All => false,
            Self::Group(own) => own == group,
            Self::One { group: own, resource: plural } => own == group && plural == resource,
        }
    }

    fn parse(pattern: &str) -> Result<Self, PatternError> {
        let refuse = |problem| Err(PatternError { pattern: pattern.to_owned(), problem });
        if pattern.contains('/') {
            return refuse("names a subresource; items are whole objects");
        }
        if !pattern.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.*".contains(&b)) {
            return refuse("must be a plural in lower case with its group, for instance deployments.apps");
        }
        let (resource, group) = pattern.split_once('.').unwrap_or((pattern, ""));
        if group.contains('*') || (resource.contains('*') && resource != "*") {
            return refuse("may have `*` only in place of the whole resource: *, *.apps");
        }
        if resource.is_empty() || pattern.ends_with('.') {
            return refuse("must be a plural with its group, for instance deployments.apps");
        }
        Ok(match (resource, group) {
            ("*", "") => Self::All,
            ("*", group) => Self::Group(group.to_owned()),
            (resource, group) => Self::One { group: group.to_owned(), resource: resource.to_owned() },
        })
    }
}

/// Globs of namespaces: `team-*`. None at all means every namespace and cluster-scoped objects too.
#[derive(Debug, Clone)]
pub struct NamespaceGlobs(Option<GlobSet>);

impl NamespaceGlobs {
    /// Reads them.
    pub fn parse(patterns: &[String]) -> Result<Self, PatternError> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            let refuse = |problem| PatternError { pattern: pattern.clone(), problem };
            if !pattern
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-*?[]{},".contains(&b))
                || pattern.is_empty()
            {
                return Err(refuse("is neither a namespace nor a pattern such as team-*"));
            }
            globs.add(Glob::new(pattern).map_err(|_| refuse("is not a pattern such as team-*"))?);
        }
        let globs = globs
            .build()
            .map_err(|_| PatternError { pattern: patterns.join(", "), problem: "are too large together" })?;
        Ok(Self(Some(globs)))
    }

    /// Whether one of them covers the namespace. What is cluster-scoped is covered only where there are no patterns at all.
    pub fn matches(&self, namespace: Option<&str>) -> bool {
        match (&self.0, namespace) {
            (None, _) => true,
            (Some(globs), Some(namespace)) => globs.is_match(namespace),
            (Some(_), None) => false,
        }
    }
}

fn is_secrets(group: &str, resource: &str) -> bool {
    group.is_empty() && resource == "secrets"
}

#[cfg(test)]
mod tests;
