use rstest::rstest;

use super::*;

fn list(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|&pattern| pattern.to_owned()).collect()
}

#[rstest]
#[case(&["deployments.apps"], "apps", "deployments", true)]
#[case(&["deployments.apps"], "", "deployments", false)]
#[case(&["deployments"], "apps", "deployments", false)]
#[case(&["pods", "services"], "", "services", true)]
#[case(&["*"], "apps", "deployments", true)]
#[case(&["*"], "", "secrets", false)]
#[case(&["*", "secrets"], "", "secrets", true)]
#[case(&["*"], "example.com", "secrets", true)]
#[case(&["*.apps"], "apps", "deployments", true)]
#[case(&["*.apps"], "", "pods", false)]
#[case(&["widgets.sub.example.com"], "sub.example.com", "widgets", true)]
fn resources(#[case] patterns: &[&str], #[case] group: &str, #[case] resource: &str, #[case] expected: bool) {
    let patterns = ResourcePatterns::parse(&list(patterns)).unwrap();
    assert_eq!(patterns.matches(group, resource), expected);
}

#[rstest]
#[case(&[], None, true)]
#[case(&[], Some("app"), true)]
#[case(&["*"], Some("app"), true)]
#[case(&["*"], None, false)]
#[case(&["team-*", "app"], Some("team-a"), true)]
#[case(&["team-*", "app"], Some("my-team-a"), false)]
#[case(&["team-*", "app"], Some("app"), true)]
fn namespaces(#[case] patterns: &[&str], #[case] namespace: Option<&str>, #[case] expected: bool) {
    assert_eq!(NamespaceGlobs::parse(&list(patterns)).unwrap().matches(namespace), expected);
}

#[rstest]
#[case("", true)]
#[case(" ", true)]
#[case("tier=front", true)]
#[case("tier == front, app.example/name=web", true)]
#[case("tier!=front", false)]
#[case("tier!=back", true)]
#[case("absent!=x", true)]
#[case("tier in (back, front)", true)]
#[case("tier in (back),app.example/name", false)]
#[case("tier in(back,front)", true)]
#[case("tier notin (back,middle)", true)]
#[case("tier notin (front)", false)]
#[case("absent notin (front)", true)]
#[case("app.example/name", true)]
#[case("!tier", false)]
#[case("!absent,tier", true)]
#[case("empty=", true)]
fn selectors(#[case] text: &str, #[case] expected: bool) {
    let labels = [("tier", "front"), ("app.example/name", "web"), ("empty", "")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(parse_selector(text).unwrap().matches(&labels), expected);
}

#[rstest]
#[case("tier=a=b", "does not end with a label value")]
#[case("=front", "does not begin with a label key")]
#[case("tier,", "does not begin with a label key")]
#[case("!", "does not begin with a label key")]
#[case("a/b/c=d", "does not begin with a label key")]
#[case("tier front", "has no operator")]
#[case("tier in front", "needs its values in parentheses")]
#[case("tier in (a", "needs its values in parentheses")]
#[case("tier in (a) b", "needs its values in parentheses")]
#[case("tier=größe", "does not end with a label value")]
#[case("tier > 1", "has no operator")]
fn unreadable_selectors(#[case] text: &str, #[case] problem: &str) {
    let error = parse_selector(text).unwrap_err();
    assert!(error.problem.contains(problem), "{error}");
}
