//! Lists of names to include and to exclude, with `*` and globs: the primitive below every filter.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};

/// Two lists of patterns. An empty include list includes everything; an exclude always wins.
#[derive(Debug, Clone, Default)]
pub struct IncludesExcludes {
    includes: BTreeSet<String>,
    excludes: BTreeSet<String>,
    include_globs: Vec<GlobMatcher>,
    exclude_globs: Vec<GlobMatcher>,
    /// A pattern that does not compile makes its whole list match nothing.
    broken_includes: bool,
    broken_excludes: bool,
}

impl IncludesExcludes {
    /// From the two lists as given; duplicates and order do not matter.
    pub fn new<S: Into<String>>(
        includes: impl IntoIterator<Item = S>,
        excludes: impl IntoIterator<Item = S>,
    ) -> Self {
        let includes: BTreeSet<String> = includes.into_iter().map(Into::into).collect();
        let excludes: BTreeSet<String> = excludes.into_iter().map(Into::into).collect();
        let (include_globs, broken_includes) = compile(&includes);
        let (exclude_globs, broken_excludes) = compile(&excludes);
        Self { includes, excludes, include_globs, exclude_globs, broken_includes, broken_excludes }
    }

    /// Whether `name` is wanted.
    pub fn includes(&self, name: &str) -> bool {
        !self.is_excluded(name) && (self.includes.is_empty() || self.is_listed(name))
    }

    /// Whether an exclude pattern matches.
    pub fn is_excluded(&self, name: &str) -> bool {
        !self.broken_excludes && self.exclude_globs.iter().any(|glob| glob.is_match(name))
    }

    /// Whether an include pattern matches; an empty list lists nothing.
    pub fn is_listed(&self, name: &str) -> bool {
        self.includes.contains("*")
            || (!self.broken_includes && self.include_globs.iter().any(|glob| glob.is_match(name)))
    }

    /// Nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.excludes.is_empty()
            && (self.includes.is_empty() || (self.includes.len() == 1 && self.includes.contains("*")))
    }

    /// The include list, sorted.
    pub fn included(&self) -> &BTreeSet<String> {
        &self.includes
    }

    /// The exclude list, sorted.
    pub fn excluded(&self) -> &BTreeSet<String> {
        &self.excludes
    }

    /// For people: `a, b`, or `*` for everything.
    pub fn includes_text(&self) -> String {
        if self.includes.is_empty() { "*".into() } else { join(&self.includes) }
    }

    /// For people: `a, b`, or `<none>`.
    pub fn excludes_text(&self) -> String {
        if self.excludes.is_empty() { "<none>".into() } else { join(&self.excludes) }
    }
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn compile(patterns: &BTreeSet<String>) -> (Vec<GlobMatcher>, bool) {
    let compiled: Result<Vec<_>, _> =
        patterns.iter().map(|p| Glob::new(p).map(|g| g.compile_matcher())).collect();
    match compiled {
        Ok(globs) => (globs, false),
        Err(_) => (Vec::new(), true),
    }
}

/// What is wrong with a pair of lists in which `*` may only be included, and only alone. One message per fault.
pub fn check_lists(includes: &[String], excludes: &[String]) -> Vec<String> {
    let mut faults = check_includes(includes);
    if excludes.iter().any(|e| e == "*") {
        faults.push("excludes list cannot contain '*'".into());
    }
    faults.extend(check_overlap(includes, excludes));
    faults
}

/// What is wrong with a pair of lists in which `*` may stand alone on either side, but not exclude beside includes.
pub fn check_scoped_lists(includes: &[String], excludes: &[String]) -> Vec<String> {
    let mut faults = check_includes(includes);
    let star = excludes.iter().any(|e| e == "*");
    if star && excludes.len() > 1 {
        faults.push("excludes list must either contain '*' only, or a non-empty list of items".into());
    }
    if star && !includes.is_empty() {
        faults.push("when exclude is '*', include cannot have value".into());
    }
    faults.extend(check_overlap(includes, excludes));
    faults
}

fn check_includes(includes: &[String]) -> Vec<String> {
    if includes.len() > 1 && includes.iter().any(|i| i == "*") {
        vec!["includes list must either contain '*' only, or a non-empty list of items".into()]
    } else {
        Vec::new()
    }
}

fn check_overlap(includes: &[String], excludes: &[String]) -> Vec<String> {
    let excludes: BTreeSet<&String> = excludes.iter().collect();
    excludes
        .into_iter()
        .filter(|e| e.as_str() != "*" && includes.contains(e))
        .map(|e| format!("excludes list cannot contain an item in the includes list: {e}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excludes_win_and_empty_includes_everything() {
        let filter = IncludesExcludes::new(["team-*"], ["team-b"]);
        assert!(filter.includes("team-a"));
        assert!(!filter.includes("team-b"));
        assert!(!filter.includes("other"));
        assert!(IncludesExcludes::new::<String>([], []).includes("anything"));
        assert!(!IncludesExcludes::new([], ["x"]).is_everything());
        assert!(IncludesExcludes::new(["*"], []).is_everything());
    }

    #[test]
    fn a_star_matches_dots_and_slashes_alike() {
        assert!(IncludesExcludes::new(["*.example"], []).includes("tools.shop.example"));
        assert!(IncludesExcludes::new(["[ab]?"], []).includes("b1"));
    }

    #[test]
    fn a_pattern_that_does_not_compile_matches_nothing() {
        assert!(!IncludesExcludes::new(["a[", "b"], []).includes("b"));
    }

    #[test]
    fn faults_of_lists_are_all_told() {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(check_lists(&list(&["*", "a"]), &list(&["*", "a"])).len(), 3);
        assert!(check_scoped_lists(&[], &list(&["*"])).is_empty());
        assert_eq!(check_scoped_lists(&list(&["a"]), &list(&["*"])).len(), 1);
    }
}
