//! Lists of names to include and to exclude, with `*` and globs: the primitive below every filter.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};

/// Characters that make an entry a pattern; an entry without them matches itself only.
const PATTERN_MARKS: [char; 6] = ['*', '?', '[', '{', '}', '\\'];

/// Two lists of patterns. An empty include list includes everything; an exclude always wins.
#[derive(Debug, Clone, Default)]
pub struct IncludesExcludes {
    includes: Patterns,
    excludes: Patterns,
}

impl IncludesExcludes {
    /// From the two lists as given; duplicates and order do not matter.
    pub fn new<S: Into<String>>(
        includes: impl IntoIterator<Item = S>,
        excludes: impl IntoIterator<Item = S>,
    ) -> Self {
        Self { includes: Patterns::new(includes), excludes: Patterns::new(excludes) }
    }

    /// Puts one more entry into the include list.
    pub fn add_include(&mut self, entry: String) {
        self.includes.insert(entry);
    }

    /// Puts one more entry into the exclude list.
    pub fn add_exclude(&mut self, entry: String) {
        self.excludes.insert(entry);
    }

    /// Whether `name` is wanted.
    pub fn includes(&self, name: &str) -> bool {
        !self.is_excluded(name) && (self.includes.entries.is_empty() || self.is_listed(name))
    }

    /// Whether an exclude pattern matches.
    pub fn is_excluded(&self, name: &str) -> bool {
        self.excludes.matches(name)
    }

    /// Whether an include pattern matches; an empty list lists nothing.
    pub fn is_listed(&self, name: &str) -> bool {
        self.includes.everything || self.includes.matches(name)
    }

    /// Nothing is left out.
    pub fn is_everything(&self) -> bool {
        let included = self.included();
        self.excluded().is_empty()
            && (included.is_empty() || (included.len() == 1 && self.includes.everything))
    }

    /// The include list, sorted.
    pub fn included(&self) -> &BTreeSet<String> {
        &self.includes.entries
    }

    /// The exclude list, sorted.
    pub fn excluded(&self) -> &BTreeSet<String> {
        &self.excludes.entries
    }

    /// For people: `a, b`, or `*` for everything.
    pub fn includes_text(&self) -> String {
        if self.included().is_empty() { "*".into() } else { join(self.included()) }
    }

    /// For people: `a, b`, or `<none>`.
    pub fn excludes_text(&self) -> String {
        if self.excluded().is_empty() { "<none>".into() } else { join(self.excluded()) }
    }
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// One list. Plain names are looked up, so that a list of thousands costs no more than one of two.
#[derive(Debug, Clone, Default)]
struct Patterns {
    entries: BTreeSet<String>,
    globs: Vec<(String, GlobMatcher)>,
    /// `*` is among them.
    everything: bool,
    /// The first pattern that does not compile, in the order of the alphabet: it and what stands behind it match nothing.
    broken: Option<String>,
}

impl Patterns {
    fn new<S: Into<String>>(entries: impl IntoIterator<Item = S>) -> Self {
        let mut patterns = Self::default();
        entries.into_iter().for_each(|entry| patterns.insert(entry.into()));
        patterns
    }

    fn insert(&mut self, entry: String) {
        if self.entries.contains(&entry) {
            return;
        }
        self.everything |= entry == "*";
        if entry.contains(PATTERN_MARKS) {
            match Glob::new(&entry) {
                Ok(glob) => self.globs.push((entry.clone(), glob.compile_matcher())),
                Err(_) if self.broken.as_ref().is_none_or(|broken| entry < *broken) => {
                    self.broken = Some(entry.clone());
                }
                Err(_) => {}
            }
        }
        self.entries.insert(entry);
    }

    fn matches(&self, name: &str) -> bool {
        let in_force = |entry: &str| self.broken.as_deref().is_none_or(|broken| entry < broken);
        let plain = !name.contains(PATTERN_MARKS) && self.entries.contains(name) && in_force(name);
        plain || self.globs.iter().any(|(entry, glob)| in_force(entry) && glob.is_match(name))
    }
}

/// What is wrong with the patterns themselves. One message per fault.
pub fn check_patterns(includes: &[String], excludes: &[String]) -> Vec<String> {
    let patterns = includes.iter().chain(excludes).filter(|entry| entry.contains(PATTERN_MARKS));
    let broken = patterns.filter(|pattern| Glob::new(pattern).is_err());
    broken.map(|pattern| format!("pattern {pattern:?} cannot be read")).collect()
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
    fn a_pattern_that_does_not_compile_ends_its_list() {
        let list = IncludesExcludes::new(["a", "b[", "c", "d*"], []);
        let found: Vec<&str> =
            ["a", "b[", "c", "d1"].into_iter().filter(|name| list.includes(name)).collect();
        assert_eq!(found, ["a"]);
        let names = ["a[", "{a", "b"].map(String::from);
        assert_eq!(
            check_patterns(&names[..1], &names[1..]),
            [r#"pattern "a[" cannot be read"#, r#"pattern "{a" cannot be read"#]
        );
    }

    #[test]
    fn faults_of_lists_are_all_told() {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(check_lists(&list(&["*", "a"]), &list(&["*", "a"])).len(), 3);
        assert!(check_scoped_lists(&[], &list(&["*"])).is_empty());
        assert_eq!(check_scoped_lists(&list(&["a"]), &list(&["*"])).len(), 1);
    }
}
