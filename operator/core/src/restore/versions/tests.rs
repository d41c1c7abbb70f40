//! Every rule of the choice, and what an administrator may write.

use super::*;

/// `* v1, v1beta1`: the marked one is preferred.
fn versions(text: &str) -> (Vec<&str>, Option<&str>) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let preferred = words.iter().find_map(|word| word.strip_prefix('*'));
    (words.iter().map(|word| word.trim_start_matches('*')).collect(), preferred)
}

#[test]
fn every_rule() {
    use Because::{Backup, Cluster, Common, Default, User};
    let cases = [
        // The archive has, the cluster has, the administrator wants: chosen.
        ("*v1 v1beta1", "*v1 v1beta1", "v1beta1", "v1beta1", User),
        ("*v1 v1beta1", "*v1 v1beta1", "v9 v1beta1 v1", "v1beta1", User),
        ("*v1 v1beta1", "*v1", "v1beta1", "v1", Cluster),
        ("*v1", "v1 *v2", "v2", "v1", Backup),
        ("*v1 v2", "v1 *v2", "", "v2", Cluster),
        ("v1 *v2", "*v1 v2", "", "v1", Cluster),
        ("*v1 v2beta1", "*v2 v1", "", "v1", Backup),
        ("*v1 v2beta1 v2beta2", "*v3 v2beta1 v2beta2", "", "v2beta2", Common),
        ("*v2 v1 v1beta1", "*v3 v1beta1 v1", "", "v1", Common),
        // The cluster's highest version need not be the one that it prefers.
        ("*v3 v2", "v2 *v1", "", "v2", Common),
        ("*v1 v1beta1", "*v2", "v1 v2", "v1", Default),
        ("*v1 v1beta1", "", "v1beta1", "v1", Default),
    ];
    for (archive, cluster, wanted, expected, because) in cases {
        let (in_archive, preferred) = versions(archive);
        let source = Source { versions: in_archive.into_iter().collect(), preferred: preferred.unwrap() };
        let (in_cluster, preferred) = versions(cluster);
        let target = Target { versions: in_cluster, preferred };
        let wanted: Vec<String> = wanted.split_whitespace().map(str::to_owned).collect();
        let chosen = choose(&source, &target, &wanted);
        assert_eq!((chosen.version.as_str(), chosen.because), (expected, because), "{archive} / {cluster}");
    }
}

#[test]
fn versions_are_ordered_as_kubernetes_orders_them() {
    let ordered = [
        "v10",
        "v2",
        "v1",
        "v11beta2",
        "v10beta3",
        "v3beta1",
        "v12alpha1",
        "v11alpha2",
        "foo1",
        "foo10",
        "vnext",
    ];
    let mut sorted = ordered;
    sorted.sort_by_key(|version| Reverse(priority(version)));
    assert_eq!(sorted, ordered);
}

#[test]
fn priorities_are_read_line_by_line() {
    let text = "tools.shop.example = v2, v1beta1\n\n  jobs.batch=v1\njobs.batch=v1beta1\nno line\n=v1\na=\na=v1=v2\nDeployments.apps=v1";
    let priorities = UserPriorities::parse(text);
    let of = |kind| priorities.of(&GroupResource::parse(kind)).join(" ");
    assert_eq!(of("tools.shop.example"), "v2 v1beta1");
    assert_eq!(of("jobs.batch"), "v1beta1", "the last line counts");
    assert_eq!(of("deployments.apps"), "v1");
    assert_eq!(of("pods"), "");
    assert_eq!(priorities.ignored(), ["no line", "=v1", "a=", "a=v1=v2"]);
    assert_eq!(UserPriorities::parse(&"x=y\n".repeat(PRIORITIES_LIMIT)).ignored().len(), 1);
}

#[test]
fn the_feature_and_the_format_decide() {
    let features = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (named, format, expected) in [
        (&["EnableCSI", "EnableAPIGroupVersions"][..], "1.1.0", Versions::All),
        (&["EnableAPIGroupVersions"], "1.10.0", Versions::All),
        (&["EnableAPIGroupVersions"], "2", Versions::All),
        (&["EnableAPIGroupVersions"], "1", Versions::Preferred),
        (&["EnableAPIGroupVersions"], "1.0.9", Versions::Preferred),
        (&["EnableAPIGroupVersions"], "", Versions::Preferred),
        (&["EnableAPIGroupVersions"], "next", Versions::Preferred),
        (&["EnableCSI"], "1.1.0", Versions::Preferred),
    ] {
        assert_eq!(needed(&features(named), format), expected, "{named:?} {format}");
    }
}
