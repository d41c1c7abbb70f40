//! The naive model: one object, one spec, and the words of the specification.

use super::{BTreeMap, BackupSpec, KINDS, LabelSelector, Object};

pub(super) struct Model<'a> {
    pub(super) spec: &'a BackupSpec,
    pub(super) policy: Option<&'a serde_json::Value>,
}

/// The lists of one scope.
struct Lists {
    included: Vec<String>,
    excluded: Vec<String>,
}

impl Lists {
    fn lists(&self, kind: &str) -> bool {
        self.included.iter().any(|pattern| glob(pattern, kind))
    }

    fn excludes(&self, kind: &str) -> bool {
        self.excluded.iter().any(|pattern| glob(pattern, kind))
    }
}

impl Model<'_> {
    pub(super) fn takes(&self, object: &Object, cluster: &[Object]) -> bool {
        let labelled_out = object.labels.get("velero.io/exclude-from-backup").is_some_and(|v| v == "true");
        if object.deleting || labelled_out || !self.wants_kind(&object.kind) {
            return false;
        }
        if object.kind == "namespaces" {
            let not_empty = cluster
                .iter()
                .any(|other| other.namespace.as_ref() == Some(&object.name) && self.takes(other, cluster));
            let by_name = !self.has_selector() || !self.all_namespaces();
            return not_empty
                || (self.wants_namespace(&object.name) && (by_name || self.selects(&object.labels)));
        }
        // Events are served twice. They are taken in the core group, unless that is left out.
        if object.kind == "events.events.k8s.io" && self.wants_kind("events") {
            return false;
        }
        object.namespace.as_ref().is_none_or(|name| self.wants_namespace(name))
            && self.selects(&object.labels)
    }

    fn wants_namespace(&self, name: &str) -> bool {
        let (included, excluded) = (&self.spec.included_namespaces, &self.spec.excluded_namespaces);
        let listed = included.is_empty() || included.iter().any(|pattern| glob(pattern, name));
        listed && !excluded.iter().any(|pattern| glob(pattern, name))
    }

    fn all_namespaces(&self) -> bool {
        let included = &self.spec.included_namespaces;
        self.spec.excluded_namespaces.is_empty() && (included.is_empty() || *included == ["*"])
    }

    fn has_selector(&self) -> bool {
        let not_empty = |selector: &LabelSelector| {
            selector.match_labels.is_some() || selector.match_expressions.is_some()
        };
        // A single empty selector is none. Among several it selects everything, and is one.
        self.spec.label_selector.as_ref().is_some_and(not_empty) || !self.spec.or_label_selectors.is_empty()
    }

    fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let one = self.spec.label_selector.as_ref().is_none_or(|selector| matches(selector, labels));
        let any = &self.spec.or_label_selectors;
        one && (any.is_empty() || any.iter().any(|selector| matches(selector, labels)))
    }

    fn wants_kind(&self, kind: &str) -> bool {
        let snapshot = kind == "volumesnapshots.snapshot.storage.k8s.io";
        let namespaced = KINDS.iter().find(|k| k.0 == kind).unwrap().2;
        let spec = self.spec;
        let old = spec.include_cluster_resources.is_some()
            || !spec.included_resources.is_empty()
            || !spec.excluded_resources.is_empty();
        if snapshot {
            return false;
        }
        if old {
            let lists = Lists {
                included: resolve(&spec.included_resources),
                excluded: resolve(&spec.excluded_resources),
            };
            let scope = match spec.include_cluster_resources {
                _ if namespaced => true,
                Some(wanted) => wanted,
                None => kind == "namespaces" || self.all_namespaces(),
            };
            return scope && !lists.excludes(kind) && (lists.included.is_empty() || lists.lists(kind));
        }
        let (of_cluster, of_namespaces) = (self.lists(false), self.lists(true));
        if namespaced {
            let lists = of_namespaces;
            return !lists.excludes(kind) && (lists.included.is_empty() || lists.lists(kind));
        }
        let everything = self.all_namespaces()
            && of_cluster.included.is_empty()
            && of_cluster.excluded.is_empty()
            && (of_namespaces.included.is_empty() || of_namespaces.included.iter().any(|i| i == "*"))
            && of_namespaces.excluded.is_empty();
        !of_cluster.excludes(kind) && (everything || of_cluster.lists(kind) || kind == "namespaces")
    }

    /// The lists of a scope: those of the Backup, then what the policy leaves out and takes of what is not decided yet.
    fn lists(&self, namespaced: bool) -> Lists {
        let spec = self.spec;
        let (included, excluded, keys) = if namespaced {
            let keys = ["includedNamespaceScopedResources", "excludedNamespaceScopedResources"];
            (&spec.included_namespace_scoped_resources, &spec.excluded_namespace_scoped_resources, keys)
        } else {
            let keys = ["includedClusterScopedResources", "excludedClusterScopedResources"];
            (&spec.included_cluster_scoped_resources, &spec.excluded_cluster_scoped_resources, keys)
        };
        let of_scope = |names: &[String]| {
            let names = resolve(names).into_iter();
            let other_scope = |name: &String| KINDS.iter().any(|k| k.0 == name && k.2 != namespaced);
            names.filter(|name| !other_scope(name)).collect::<Vec<_>>()
        };
        let mut lists = Lists { included: of_scope(included), excluded: of_scope(excluded) };
        if let Some(policy) = self.policy {
            let names = |key| of_scope(&serde_json::from_value::<Vec<String>>(policy[key].clone()).unwrap());
            for name in names(keys[1]) {
                if !lists.lists(&name) && !lists.excludes(&name) {
                    lists.excluded.push(name);
                }
            }
            for name in names(keys[0]) {
                if !lists.lists(&name) && !lists.excludes(&name) {
                    lists.included.push(name);
                }
            }
        }
        lists
    }
}

/// Full names of kinds where the cluster knows them: by plural, with or without group, singular, or short name.
fn resolve(names: &[String]) -> Vec<String> {
    let known = |name: &String| {
        let full = KINDS.iter().find(|kind| kind.0 == name);
        let plain = || {
            KINDS
                .iter()
                .find(|kind| kind.0.split('.').next() == Some(name) || kind.1.eq_ignore_ascii_case(name))
        };
        let short = || KINDS.iter().find(|kind| kind.3 == name && !name.is_empty());
        full.or_else(plain).or_else(short).map(|kind| kind.0.to_owned())
    };
    names.iter().map(|name| known(name).unwrap_or_else(|| name.clone())).collect()
}

fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let expressions = selector.match_expressions.iter().flatten().all(|expression| {
        let value = labels.get(&expression.key);
        let among = |value: &String| expression.values.iter().flatten().any(|v| v == value);
        match expression.operator.as_str() {
            "In" => value.is_some_and(among),
            "NotIn" => !value.is_some_and(among),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            other => panic!("{other}"),
        }
    });
    equal && expressions
}

/// `*`, `?`, `[abc]` and `[!abc]`.
fn glob(pattern: &str, text: &str) -> bool {
    let mut rest = text.chars();
    let Some(mark) = pattern.chars().next() else { return text.is_empty() };
    match mark {
        '*' => (0..=text.len()).any(|from| glob(&pattern[1..], &text[from..])),
        '?' => rest.next().is_some() && glob(&pattern[1..], rest.as_str()),
        '[' => {
            let end = pattern.find(']').unwrap();
            let (set, negated) = match pattern[1..end].strip_prefix('!') {
                Some(set) => (set, true),
                None => (&pattern[1..end], false),
            };
            rest.next().is_some_and(|c| set.contains(c) != negated)
                && glob(&pattern[end + 1..], rest.as_str())
        }
        plain => rest.next() == Some(plain) && glob(&pattern[1..], rest.as_str()),
    }
}
