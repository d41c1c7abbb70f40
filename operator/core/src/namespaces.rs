//! Which namespaces a run is about: names and patterns of a spec, expanded once against the namespaces that there are.
//!
//! A backup expands against the namespaces of the cluster, a restore against those of the archive. A pattern that matches no namespace
//! includes nothing: it never turns into "everything".

use std::collections::BTreeSet;

use globset::Glob;

use crate::include_exclude::{IncludesExcludes, check_lists};

/// Why a pattern for namespaces is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Alternatives and negation are not part of the pattern language.
    #[error("wildcard pattern contains unsupported characters: |, (, ), !, {{, }}, ,")]
    Characters,
    /// `**`.
    #[error("wildcard pattern contains consecutive asterisks (only single * allowed)")]
    Asterisks,
    /// `[` without `]`.
    #[error("wildcard pattern contains unclosed bracket '['")]
    Unclosed,
    /// `]` without `[`.
    #[error("wildcard pattern contains unmatched closing bracket ']'")]
    Unopened,
    /// `[]`.
    #[error("wildcard pattern contains empty bracket pattern '[]'")]
    EmptyBrackets,
    /// Anything else that the matcher does not take, such as a range that runs backwards.
    #[error("wildcard pattern {0:?} cannot be read")]
    Unreadable(String),
}

/// Characters that make an entry a pattern.
const PATTERN_MARKS: [char; 3] = ['*', '?', '['];

/// Longest name of a namespace (a DNS label).
const MAX_NAME: usize = 63;

/// Which namespaces to ask for when objects are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListTargets {
    /// One list over the whole cluster; what is excluded is left out item by item.
    Everywhere,
    /// One list for each of these, sorted; none at all where the list is empty.
    Names(Vec<String>),
}

/// The namespaces of a run.
#[derive(Debug, Clone)]
pub struct NamespaceFilter {
    lists: IncludesExcludes,
    /// The include list was all patterns and none of them matched.
    nothing: bool,
}

impl NamespaceFilter {
    /// From the two lists of a spec. Patterns are replaced by the names among `existing` that they match, plain names stay whether they
    /// exist or not. With an include list that is empty or holds `*` nothing is replaced, and patterns among the excludes match by
    /// themselves.
    pub fn new(includes: &[String], excludes: &[String], existing: &[String]) -> Result<Self, PatternError> {
        if !must_expand(includes, excludes) {
            let lists = IncludesExcludes::new(includes.iter().cloned(), excludes.iter().cloned());
            return Ok(Self { lists, nothing: false });
        }
        let wanted = expand(includes, existing)?;
        let unwanted = expand(excludes, existing)?;
        let nothing = wanted.is_empty() && !includes.is_empty();
        Ok(Self { lists: IncludesExcludes::new(wanted, unwanted), nothing })
    }

    /// One that leaves nothing out.
    pub fn everything() -> Self {
        Self { lists: IncludesExcludes::default(), nothing: false }
    }

    /// Whether objects of this namespace belong to the run.
    pub fn includes(&self, namespace: &str) -> bool {
        !self.nothing && self.lists.includes(namespace)
    }

    /// No namespace is left out, whatever its name.
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.lists.is_everything()
    }

    /// What to list to find all objects of the run.
    pub fn list_targets(&self) -> ListTargets {
        let included = self.lists.included();
        if !self.nothing && (included.is_empty() || included.contains("*")) {
            return ListTargets::Everywhere;
        }
        ListTargets::Names(included.iter().filter(|name| self.includes(name)).cloned().collect())
    }

    /// The namespaces among `existing` that belong to the run, in their order.
    pub fn among<'a>(&self, existing: &'a [String]) -> Vec<&'a str> {
        existing.iter().map(String::as_str).filter(|name| self.includes(name)).collect()
    }

    /// Included names that are not among `existing`: asked for, and not there.
    pub fn missing(&self, existing: &[String]) -> Vec<&str> {
        let named = self.lists.included().iter().filter(|name| *name != "*" && !existing.contains(name));
        named.map(String::as_str).collect()
    }

    /// For people: `a, b`, or `*` for everything.
    pub fn includes_text(&self) -> String {
        if self.nothing { "<none>".into() } else { self.lists.includes_text() }
    }

    /// For people: `a, b`, or `<none>`.
    pub fn excludes_text(&self) -> String {
        self.lists.excludes_text()
    }
}

/// What is wrong with the two lists of a backup's spec. One message per fault, as they stand in the backup's validation errors.
pub(crate) fn check_namespaces(includes: &[String], excludes: &[String]) -> Vec<String> {
    let mut faults = check_lists(includes, excludes);
    for list in [includes, excludes] {
        let entries: BTreeSet<&String> =
            list.iter().filter(|entry| !entry.is_empty() && *entry != "*").collect();
        faults.extend(entries.into_iter().filter_map(|entry| {
            let fault = check_pattern(entry).map_err(|e| e.to_string()).and_then(|()| check_name(entry));
            fault.err().map(|message| format!("invalid namespace {entry:?}: {message}"))
        }));
    }
    faults
}

fn must_expand(includes: &[String], excludes: &[String]) -> bool {
    !includes.is_empty()
        && !includes.iter().any(|entry| entry == "*")
        && includes.iter().chain(excludes).any(|entry| entry.contains(PATTERN_MARKS))
}

fn expand(entries: &[String], existing: &[String]) -> Result<BTreeSet<String>, PatternError> {
    let mut names = BTreeSet::new();
    for entry in entries {
        check_pattern(entry)?;
        if entry.contains(PATTERN_MARKS) {
            let glob =
                Glob::new(entry).map_err(|_| PatternError::Unreadable(entry.clone()))?.compile_matcher();
            names.extend(existing.iter().filter(|name| glob.is_match(name)).cloned());
        } else {
            names.insert(entry.clone());
        }
    }
    Ok(names)
}

/// Whether an entry of a list is a name or a pattern that can be read.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), PatternError> {
    if pattern.contains(['|', '(', ')', '!', '{', '}', ',']) {
        return Err(PatternError::Characters);
    }
    if pattern.contains("**") {
        return Err(PatternError::Asterisks);
    }
    let mut open = None;
    for (at, character) in pattern.char_indices() {
        match (character, open) {
            ('[', None) => open = Some(at),
            (']', None) => return Err(PatternError::Unopened),
            (']', Some(start)) if at == start + 1 => return Err(PatternError::EmptyBrackets),
            (']', Some(_)) => open = None,
            _ => {}
        }
    }
    if open.is_some() { Err(PatternError::Unclosed) } else { Ok(()) }
}

/// Whether an entry could be the name of a namespace. A pattern is a name with marks in it: with a letter for each mark it has to be one.
pub(crate) fn check_name(entry: &str) -> Result<(), String> {
    let name = entry.replace(['*', '?', '[', ']'], "x");
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = !name.starts_with('-') && !name.ends_with('-');
    if name.len() > MAX_NAME {
        return Err(format!("must be no more than {MAX_NAME} characters"));
    }
    if name.chars().all(inner) && edges {
        return Ok(());
    }
    Err("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
         alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn filter(includes: &[&str], excludes: &[&str]) -> NamespaceFilter {
        NamespaceFilter::new(&list(includes), &list(excludes), &list(&["dev-a", "dev-b", "prod"])).unwrap()
    }

    #[test]
    fn patterns_become_names_and_plain_names_stay() {
        let some = filter(&["dev-*", "gone"], &["dev-b"]);
        assert_eq!(some.list_targets(), ListTargets::Names(list(&["dev-a", "gone"])));
        assert_eq!(some.missing(&list(&["dev-a", "dev-b", "prod"])), ["gone"]);
        assert!(!some.includes("dev-c"), "a namespace made later is not part of the run");
        assert!(!some.is_everything());
    }

    #[test]
    fn a_pattern_that_matches_nothing_includes_nothing() {
        let none = filter(&["test-*"], &[]);
        assert!(!none.includes("dev-a") && !none.includes("test-1") && !none.is_everything());
        assert_eq!(none.list_targets(), ListTargets::Names(vec![]));
        assert_eq!(none.includes_text(), "<none>");
    }

    #[test]
    fn everything_is_listed_once_and_excludes_match_item_by_item() {
        for includes in [&["*"][..], &[]] {
            let most = filter(includes, &["dev-*"]);
            assert_eq!(most.list_targets(), ListTargets::Everywhere);
            assert!(most.includes("prod") && !most.includes("dev-z") && !most.is_everything());
            assert!(filter(includes, &[]).is_everything());
        }
        assert_eq!(filter(&[], &["dev-*"]).among(&list(&["dev-a", "prod"])), ["prod"]);
    }

    #[test]
    fn entries_of_a_backup_are_checked_one_by_one() {
        assert!(check_namespaces(&list(&["*"]), &list(&["team-?", "", "a[bc]"])).is_empty());
        let wrong = [
            ("Upper", "a lowercase RFC 1123 label"),
            ("a,b", "unsupported characters"),
            ("a**", "consecutive asterisks"),
            ("a[", "unclosed bracket"),
            ("a]", "unmatched closing bracket"),
            ("a[]", "empty bracket pattern"),
            ("-a", "must start and end"),
        ];
        for (entry, expected) in wrong {
            let faults = check_namespaces(&list(&[entry]), &[]);
            assert_eq!(faults.len(), 1, "{entry}");
            assert!(faults[0].starts_with(&format!("invalid namespace \"{entry}\": ")), "{}", faults[0]);
            assert!(faults[0].contains(expected), "{}", faults[0]);
        }
        assert_eq!(check_namespaces(&list(&["a"]), &list(&["a", "*"])).len(), 2);
        assert!(NamespaceFilter::new(&list(&["a[", "b*"]), &[], &[]).is_err());
    }
}
