use rstest::rstest;

use super::*;
use crate::{
    limits,
    manifest::{Ceiling, Manifest},
};

fn parse(capabilities: &str) -> Result<ClusterRules, String> {
    let text = format!(
        "name: a.example/b\non: [backup]\nmatch: {{resources: [pods]}}\ncomponent: c.wasm\ncapabilities: {capabilities}\n"
    );
    let ceiling = Ceiling { memory: limits::MEMORY_CEILING, time: limits::CALL_TIME_CEILING };
    let manifest = Manifest::parse(&text, ceiling).map_err(|error| error.to_string())?;
    Ok(manifest.capabilities.cluster)
}

fn flags(rules: &[&str]) -> ClusterCeiling {
    ClusterCeiling {
        rules: rules.iter().map(|rule| rule.parse::<ClusterRule>().unwrap()).collect(),
        service_account: Some("actions".to_owned()),
    }
}

#[rstest]
#[case("[{verbs: [watch], resources: [pods]}]", "cluster[0]: \"watch\" is no verb")]
#[case("[{verbs: [\"*\"], resources: [pods]}]", "cluster[0]: \"*\" is no verb")]
#[case("[{verbs: [], resources: [pods]}]", "cluster[0]: a rule needs at least one of `verbs`")]
#[case("[{verbs: [get], resources: []}]", "cluster[0]: a rule needs at least one of `resources`")]
#[case(
    "[{verbs: [get], resources: [pods]}, {verbs: [create], resources: [pods/exec]}]",
    "cluster[1]: \"pods/exec\" names a subresource"
)]
#[case("[{verbs: [get], resources: [\"pods/*\"]}]", "names a subresource")]
#[case("[{verbs: [get], resources: [Pods]}]", "cluster[0]: resources: \"Pods\" must be a plural")]
#[case(
    "[{verbs: [get], resources: [pods], namespaces: [Team]}]",
    "cluster[0]: namespaces: \"Team\" is neither"
)]
#[case("[{verbs: [get], resources: [secrets]}]", "names secrets; that needs `secrets: true`")]
#[case("[{verbs: [get], resources: [pods], names: [a]}]", "unknown field `names`")]
fn unreadable_rules(#[case] rules: &str, #[case] message: &str) {
    let error = parse(&format!("{{cluster: {rules}}}")).unwrap_err();
    assert!(error.contains(message), "{error}");
}

#[rstest]
#[case(Verb::Get, "", "pods", Some("team-a"), true)]
#[case(Verb::List, "", "pods", Some("team-a"), false)]
#[case(Verb::Get, "", "pods", Some("other"), false)]
#[case(Verb::Get, "", "pods", None, false)]
#[case(Verb::Get, "", "nodes", None, true)]
#[case(Verb::Get, "shop.example", "tools", Some("team-a"), true)]
#[case(Verb::Get, "shop.example", "tools", None, true)]
#[case(Verb::Get, "", "secrets", Some("team-a"), false)]
#[case(Verb::Get, "", "secrets", Some("vault"), true)]
#[case(Verb::Patch, "", "anything", Some("open"), true)]
#[case(Verb::Patch, "", "secrets", Some("open"), false)]
fn rules_allow(
    #[case] verb: Verb,
    #[case] group: &str,
    #[case] resource: &str,
    #[case] namespace: Option<&str>,
    #[case] allowed: bool,
) {
    let rules = parse(
        "{secrets: true, cluster: [{verbs: [get], resources: [pods], namespaces: [team-*]}, {verbs: [get], resources: [nodes, '*.shop.example']}, \
         {verbs: [get], resources: [secrets], namespaces: [vault]}, {verbs: [patch], resources: ['*'], namespaces: [open]}]}",
    );
    assert_eq!(rules.unwrap().allow(verb, group, resource, namespace), allowed);
}

#[rstest]
#[case::same("get:pods:team-*", &["get:pods:team-*"], None)]
#[case::narrower("get:pods:team-a", &["get,list:*:team-*"], None)]
#[case::narrower_glob("get:pods:team-a*", &["get:pods:team-*"], None)]
#[case::any_namespace("get:pods:*", &["get:pods"], None)]
#[case::group("list:widgets.shop.example", &["list:*.shop.example"], None)]
#[case::parts("get,list:pods,configmaps", &["get:pods,configmaps", "list:*"], None)]
#[case::verb("get,delete:pods", &["get:pods"], Some("delete:pods'"))]
#[case::kind("get:pods,services", &["get:pods"], Some("get:services'"))]
#[case::all_kinds("get:*", &["get:pods", "get:*.apps"], Some("get:*'"))]
#[case::all_of_a_group("get:*.apps", &["get:deployments.apps"], Some("get:*.apps'"))]
#[case::namespace("get:pods:team-a,other", &["get:pods:team-*"], Some("get:pods:other'"))]
#[case::every_namespace("get:pods", &["get:pods:*"], Some("get:pods'"))]
#[case::wider_glob("get:pods:team*", &["get:pods:team-*"], Some("get:pods:team*'"))]
#[case::secrets("get:secrets:a", &["get:*"], Some("get:secrets:a'"))]
#[case::secrets_named("get:secrets:a", &["get:secrets"], None)]
fn the_ceiling_holds(#[case] asked: &str, #[case] ceiling: &[&str], #[case] lacks: Option<&str>) {
    let asked: ClusterRules = [asked.parse::<ClusterRule>().unwrap()].into_iter().collect();
    let refused = check_ceiling(&asked, &flags(ceiling)).err();
    match (&refused, lacks) {
        (Some(text), Some(lacks)) => {
            assert!(text.contains("--action-cluster-access '") && text.ends_with(lacks), "{text}");
        }
        _ => assert_eq!(refused.as_deref(), lacks),
    }
}

#[test]
fn without_an_account_nothing_is_allowed() {
    let asked: ClusterRules = ["get:pods".parse::<ClusterRule>().unwrap()].into_iter().collect();
    let ceiling = ClusterCeiling { service_account: None, ..flags(&["get:*"]) };
    assert!(check_ceiling(&asked, &ceiling).unwrap_err().contains("--action-service-account"));
    assert!(!ceiling.allows(Verb::Get, "", "pods", None));
    check_ceiling(&ClusterRules::default(), &ceiling).unwrap();
}

#[rstest]
#[case(&["get,patch:*"], Verb::Patch, "velero.io", "backups", false)]
#[case(&["get,patch:*"], Verb::Get, "velero.io", "backups", true)]
#[case(&["patch:*.velero.io"], Verb::Patch, "velero.io", "backups", true)]
#[case(&["patch:*"], Verb::Patch, "rbac.authorization.k8s.io", "roles", false)]
#[case(&["patch:roles.rbac.authorization.k8s.io"], Verb::Patch, "rbac.authorization.k8s.io", "roles", true)]
#[case(&["patch:roles.rbac.authorization.k8s.io"], Verb::Patch, "rbac.authorization.k8s.io", "clusterroles", false)]
#[case(&["patch:*"], Verb::Patch, "apps", "deployments", true)]
fn what_gives_rights_is_written_only_where_it_is_named(
    #[case] ceiling: &[&str],
    #[case] verb: Verb,
    #[case] group: &str,
    #[case] resource: &str,
    #[case] allowed: bool,
) {
    assert_eq!(flags(ceiling).allows(verb, group, resource, Some("a")), allowed);
}

#[rstest]
#[case(&["patch:configmaps,*"], false)]
#[case(&["patch:configmaps,item-actions.lateen.dev"], true)]
#[case(&["patch:item-actions.lateen.dev:other"], false)]
fn actions_are_written_only_where_they_are_named(#[case] ceiling: &[&str], #[case] allowed: bool) {
    assert_eq!(flags(ceiling).allows_actions(Verb::Patch, Some("velero")), allowed);
}

#[rstest]
#[case("pods", "must be verbs:kinds or verbs:kinds:namespaces")]
#[case("get:pods:a:b", "must be verbs:kinds or verbs:kinds:namespaces")]
#[case("get,:pods", "\"\" is no verb")]
#[case("get:pods/exec", "names a subresource")]
#[case("get:pods:", "namespaces: \"\" is neither")]
fn unreadable_flags(#[case] flag: &str, #[case] message: &str) {
    let error = flag.parse::<ClusterRule>().unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}
