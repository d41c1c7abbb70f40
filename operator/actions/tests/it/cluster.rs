//! What actions get of the cluster: what grants and flags allow, and no more than there is room and time for.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap like tests do")]

pub(crate) mod recorded;

use std::sync::Arc;

use lateen_actions::{
    ActionHost, ActionRegistry, ActionRun, HostOptions, ItemResult, Library, Role, RunInfo,
    manifest::{ClusterCeiling, ClusterRule},
};
use recorded::Recorded;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{annotations, deployment, hostile, info, quick};

/// An action, and a server with these flags.
struct Case<'a> {
    misdeed: &'a str,
    capabilities: &'a str,
    flags: &'a [&'a str],
    requests: Value,
}

impl Case<'_> {
    /// What the server says of the ConfigMap, and a run of it.
    async fn load(&self, info: RunInfo) -> (Result<(), String>, Arc<ActionRun>) {
        let cluster = ClusterCeiling {
            rules: self.flags.iter().map(|flag| flag.parse::<ClusterRule>().unwrap()).collect(),
            service_account: Some("actions".to_owned()),
        };
        let options = HostOptions { cluster: Arc::new(cluster), ..quick() };
        let registry = ActionRegistry::new(ActionHost::new(options).unwrap(), Library::default());
        let mut configmap = hostile("MISDEED", &format!("capabilities: {}", self.capabilities));
        let data = configmap.data.as_mut().unwrap().get_mut("action.yaml").unwrap();
        let params = json!({ "misdeed": self.misdeed, "requests": self.requests }).to_string();
        *data = data.replace("{misdeed: MISDEED}", &params);
        let report = registry.load(&[configmap]).await.remove(0);
        (
            report.outcome.map(drop).map_err(|problem| problem.reason),
            ActionRun::new(registry.snapshot(), info),
        )
    }

    async fn result(&self, info: RunInfo) -> ItemResult {
        let (loaded, run) = self.load(info).await;
        assert_eq!(loaded, Ok(()));
        let (subject, item) = deployment();
        run.session().backup_item(&subject, item).await
    }
}

fn with(access: &Arc<Recorded>) -> RunInfo {
    RunInfo { cluster: Some(Arc::clone(access) as _), ..info(Role::Backup) }
}

fn told(result: &ItemResult) -> Vec<String> {
    assert_eq!(result.error, None);
    serde_json::from_str(&annotations(&result.item)["hostile"]).unwrap()
}

const EVERYTHING: &[&str] = &["get,list,create,patch,patch-status,delete:*,secrets"];

/// Makes requests with these grants under flags that allow much.
async fn ask(access: &Arc<Recorded>, capabilities: &str, requests: Value) -> Vec<String> {
    told(&Case { misdeed: "cluster", capabilities, flags: EVERYTHING, requests }.result(with(access)).await)
}

fn settings() -> Arc<Recorded> {
    Arc::new(Recorded::new(&[
        ("configmaps app/settings", recorded::configmap("settings", "1")),
        ("configmaps app/other", recorded::configmap("other", "2")),
        ("nodes one", json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "one" } })),
    ]))
}

const READ: &str = "{cluster: [{verbs: [get, list], resources: [configmaps, nodes, tools.shop.example], namespaces: [app]}]}";

#[tokio::test]
async fn what_is_granted_is_answered() {
    let access = settings();
    let requests = json!([
        { "get": { "resource": "configmaps", "namespace": "app", "name": "settings" } },
        { "list": { "resource": "configmaps", "namespace": "app", "limit": 7 } },
        { "serves": "shop.example" },
        { "get": { "resource": "tools", "group": "shop.example", "version": "v1alpha1", "namespace": "app", "name": "a" } },
    ]);
    let told = ask(&access, READ, requests).await;
    let object = |name, data| json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "x": data }, "metadata": { "name": name, "namespace": "app" } });
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&told[0]), object("settings", "1"));
    assert_eq!(json(&told[1]), json!([object("other", "2"), object("settings", "1")]));
    assert_eq!(
        json(&told[2]),
        json!([["v1", "tools", "Tool", true, true], ["v1alpha1", "tools", "Tool", true, false]])
    );
    assert_eq!(told[3], "Reason::NotFound 404: get tools.shop.example app/a: none such");
    assert_eq!(
        access.requests(),
        [
            "actions: get v1 configmaps app/settings",
            "actions: list configmaps app \"\" 7 None",
            "actions: get v1alpha1 tools.shop.example app/a",
        ]
    );
}

#[rstest]
#[case::verb(
    json!({ "delete": { "resource": "configmaps", "namespace": "app", "name": "a" } }),
    "Reason::NotGranted 0: to delete configmaps is not granted; it needs `capabilities: {cluster: [{verbs: [delete], resources: [configmaps], namespaces: [app]}]}`"
)]
#[case::namespace(json!({ "get": { "resource": "configmaps", "namespace": "b", "name": "a" } }), "Reason::NotGranted 0: to get configmaps")]
#[case::all_namespaces(json!({ "list": { "resource": "configmaps" } }), "Reason::NotGranted 0: to list configmaps")]
#[case::scope(json!({ "get": { "resource": "nodes", "name": "one" } }), "Reason::NotGranted 0: to get nodes")]
// A namespace does not bring what lies in none under a rule for namespaces.
#[case::stretched(json!({ "get": { "resource": "nodes", "namespace": "app", "name": "one" } }), "Reason::Invalid 0: nodes are not in namespaces")]
#[case::lost(json!({ "get": { "resource": "configmaps", "name": "a" } }), "Reason::Invalid 0: configmaps are in namespaces")]
#[case::secret(
    json!({ "get": { "resource": "secrets", "namespace": "app", "name": "a" } }),
    "Reason::NotGranted 0: to get secrets is not granted; it needs `capabilities: {secrets: true, cluster:"
)]
#[case::subresource(json!({ "get": { "resource": "configmaps/status", "namespace": "app", "name": "a" } }), "Reason::NotGranted 0: configmaps/status is a subresource")]
#[case::smuggled(json!({ "get": { "resource": "configmaps", "namespace": "app", "name": "a/status" } }), "Reason::Invalid 0: the name cannot be that of an object")]
#[case::climbing(json!({ "get": { "resource": "configmaps", "namespace": "app", "name": ".." } }), "Reason::Invalid 0: the name")]
#[case::climbing_namespace(json!({ "list": { "resource": "configmaps", "namespace": "../nodes" } }), "Reason::Invalid 0: the namespace")]
#[case::version(
    json!({ "get": { "resource": "configmaps", "version": "v2", "namespace": "app", "name": "a" } }),
    "Reason::NotFound 0: the cluster does not serve configmaps in v2"
)]
#[case::page(json!({ "list": { "resource": "configmaps", "namespace": "app", "limit": 501 } }), "Reason::Invalid 0: a page has at most 500")]
#[tokio::test]
async fn what_is_not_granted_is_not_sent(#[case] request: Value, #[case] message: &str) {
    let access = settings();
    let told = ask(&access, READ, json!([request])).await;
    assert!(told[0].starts_with(message), "{}", told[0]);
    assert_eq!(access.requests(), [""; 0]);
}

#[tokio::test]
async fn a_manifest_above_the_ceiling_is_refused_and_the_flag_named() {
    let case = Case {
        misdeed: "cluster",
        capabilities: READ,
        flags: &["get,list:configmaps:app"],
        requests: json!([]),
    };
    let access = settings();
    let (loaded, run) = case.load(with(&access)).await;
    let lacking = "it takes the flag --action-cluster-access 'get:nodes:app'";
    assert!(loaded.unwrap_err().contains(lacking));
    // It is not left out: what it matches fails.
    let (subject, item) = deployment();
    let error = run.session().backup_item(&subject, item).await.error.unwrap();
    assert!(error.reason.contains(lacking), "{}", error.reason);
}

const WRITE: &str = "{cluster: [{verbs: [create, patch, patch-status, delete], resources: [configmaps, pods, '*.velero.io']}]}";

#[tokio::test]
async fn writes_are_sent_as_they_were_read_and_told_to_the_log() {
    let access = settings();
    let object = json!({ "resource": "configmaps", "namespace": "app", "name": "settings" });
    let requests = json!([
        { "create": { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "app", "generateName": "a-" } } },
        // A reader that takes the first of two sees something else than one that takes the last.
        { "merge": { "object": object, "patch": "{\"data\":{\"a\":\"1\",\"a\":\"2\"}}" } },
        { "json": { "object": object, "patch": [{ "op": "add", "path": "/data/x", "value": "1" }] } },
        { "apply": { "object": object, "patch": { "data": {} } } },
        { "merge-status": { "object": { "resource": "pods", "namespace": "app", "name": "p" }, "patch": {} } },
        { "delete": { "resource": "configmaps", "namespace": "app", "name": "settings", "uid": "u" } },
    ]);
    let case = Case { misdeed: "cluster", capabilities: WRITE, flags: EVERYTHING, requests };
    let dry = RunInfo { dry_run: true, ..with(&access) };
    let result = case.result(dry).await;
    told(&result);
    let get = "actions dry: get v1 configmaps app/settings";
    let by = "by lateen/test.example/hostile";
    assert_eq!(
        access.requests(),
        [
            r#"actions dry: create v1 configmaps app {"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"a-","namespace":"app"}}"#,
            get,
            &format!(
                r#"actions dry: patch configmaps app/settings Merge("{{\"data\":{{\"a\":\"2\"}}}}") {by}"#
            ),
            get,
            &format!(
                r#"actions dry: patch configmaps app/settings Json("[{{\"op\":\"add\",\"path\":\"/data/x\",\"value\":\"1\"}}]") {by}"#
            ),
            get,
            &format!(r#"actions dry: patch configmaps app/settings Apply("{{\"data\":{{}}}}") {by}"#),
            r#"actions dry: patch-status pods app/p Merge("{}")"#,
            get,
            "actions dry: delete configmaps app/settings Background Some(\"u\")",
        ]
    );
    let notes: Vec<&str> = result.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(notes.len(), 5, "the Pod does not exist: {notes:?}");
    assert_eq!(notes[4], "delete configmaps app/settings in the cluster, as a dry run");
}

#[rstest]
#[case::new(json!({ "create": action("x") }))]
#[case::merged(json!({ "merge": { "object": named("settings"), "patch": { "metadata": { "labels": { "lateen.dev/item-action": "" } } } } }))]
#[case::moved(json!({ "json": { "object": named("settings"), "patch": [{ "op": "move", "from": "/metadata/annotations", "path": "/metadata/labels" }] } }))]
#[case::applied(json!({ "apply": { "object": named("new"), "patch": action("new") } }))]
#[case::changed(json!({ "merge": { "object": named("redact"), "patch": { "data": {} } } }))]
#[case::deleted(json!({ "delete": named("redact") }))]
#[tokio::test]
async fn actions_do_not_make_actions(#[case] request: Value) {
    let access = Arc::new(Recorded::new(&[
        ("configmaps app/settings", recorded::configmap("settings", "1")),
        ("configmaps app/redact", action("redact")),
    ]));
    let told = ask(&access, WRITE, json!([request])).await;
    let message =
        "Reason::NotGranted 0: the ConfigMap carries an item action; the server's flags do not allow to ";
    assert!(told[0].starts_with(message) && told[0].contains("item-actions.lateen.dev:app'"), "{}", told[0]);
    assert!(
        access.requests().iter().all(|request| request.starts_with("actions: get ")),
        "{:?}",
        access.requests()
    );
}

fn named(name: &str) -> Value {
    json!({ "resource": "configmaps", "namespace": "app", "name": name })
}

fn action(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "app", "name": name, "labels": { "lateen.dev/item-action": "" } },
    })
}

#[tokio::test]
async fn what_the_server_obeys_is_written_only_where_flags_name_it() {
    let backup = json!({ "apiVersion": "velero.io/v1", "kind": "Backup", "metadata": { "namespace": "velero", "name": "a" } });
    let requests = json!([{ "create": backup }]);
    let access = settings();
    // The manifest is below the ceiling by its patterns alone, and nothing comes of it.
    let flags = &["create,patch,patch-status,delete:configmaps,pods,*"];
    let capabilities = "{cluster: [{verbs: [create], resources: ['*']}]}";
    let case = |flags| Case { misdeed: "cluster", capabilities, flags, requests: requests.clone() };
    let said = told(&case(flags).result(with(&access)).await);
    assert!(said[0].contains("--action-cluster-access 'create:backups.velero.io:velero'"), "{}", said[0]);
    assert_eq!(access.requests(), [""; 0]);
    told(&case(&["create:*,backups.velero.io"]).result(with(&access)).await);
    assert_eq!(access.requests().len(), 1);
}

#[rstest]
#[case::requests(
    recorded::configmap("settings", "1"),
    "100, Reason::Exhausted 0: get configmaps app/settings: the call has made 100 requests"
)]
#[case::bytes(recorded::configmap("settings", &"x".repeat(4_000_000)), "8, Reason::Exhausted 0: get configmaps app/settings: the call has had 32 MiB of answers")]
#[case::one(recorded::configmap("settings", &"x".repeat(4 << 20)), "0, Reason::TooLarge 0: get configmaps app/settings: the answer has more than 4 MiB")]
#[tokio::test]
async fn a_call_has_requests_and_bytes_to_spend(#[case] object: Value, #[case] message: &str) {
    let access = Arc::new(Recorded::new(&[("configmaps app/settings", object)]));
    let requests = json!([{ "get": named("settings") }]);
    let case = Case { misdeed: "cluster-endless", capabilities: READ, flags: EVERYTHING, requests };
    let result = case.result(with(&access)).await;
    let told = &annotations(&result.item)["hostile"];
    assert!(told.starts_with(message), "{told}");
}

/// With a clock that runs ahead when nobody has anything to do. The guest gets its answer and goes on: waiting is not guest time.
#[tokio::test(start_paused = true)]
async fn a_cluster_that_does_not_answer_costs_ten_seconds() {
    let access = settings();
    access.fall_silent();
    let begin = tokio::time::Instant::now();
    let told = ask(
        &access,
        READ,
        json!([{ "get": named("settings") }, { "list": { "resource": "configmaps", "namespace": "app" } }]),
    )
    .await;
    assert_eq!(told[0], "Reason::TimedOut 0: get configmaps app/settings: no answer within 10s");
    assert!(told[1].starts_with("Reason::TimedOut 0: list configmaps in app"), "{}", told[1]);
    assert_eq!(begin.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn a_cancelled_run_waits_for_no_answer() {
    let access = settings();
    access.fall_silent();
    let info = with(&access);
    info.cancelled.cancel();
    let requests = json!([{ "get": named("settings") }]);
    let case = Case { misdeed: "cluster", capabilities: READ, flags: EVERYTHING, requests };
    let told = told(&case.result(info).await);
    assert!(told[0].starts_with("Reason::Cancelled 0: get configmaps app/settings"), "{}", told[0]);
}

#[tokio::test]
async fn without_a_cluster_and_in_configure_there_is_nobody_to_ask() {
    let requests = json!([{ "serves": "apps" }, { "get": named("settings") }]);
    let case = Case { misdeed: "cluster", capabilities: READ, flags: EVERYTHING, requests };
    for line in told(&case.result(info(Role::Backup)).await) {
        assert_eq!(line, "Reason::NotGranted 0: there is no cluster to ask in this run");
    }
}

#[tokio::test]
async fn secrets_that_were_read_are_masked() {
    let secret = json!({ "metadata": { "name": "login" }, "data": { "password": "b3BlbiBzZXNhbWU=" } });
    let access = Arc::new(Recorded::new(&[("secrets app/login", secret)]));
    let capabilities =
        "{secrets: true, cluster: [{verbs: [get, list], resources: [secrets], namespaces: [app]}]}";
    for request in [
        json!({ "get": { "resource": "secrets", "namespace": "app", "name": "login" } }),
        json!({ "list": { "resource": "secrets", "namespace": "app" } }),
    ] {
        let case =
            Case { misdeed: "cluster-tell", capabilities, flags: EVERYTHING, requests: json!([request]) };
        let result = case.result(with(&access)).await;
        for text in [&result.notes[0].message, &result.error.unwrap().reason] {
            assert!(text.contains("password\":\"[masked]\"") && !text.contains("b3Blb"), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn instances_share_what_they_list() {
    let access = settings();
    let list = json!({ "list": { "resource": "configmaps", "namespace": "app" } });
    let case =
        |capabilities, requests| Case { misdeed: "cluster", capabilities, flags: EVERYTHING, requests };
    let (_, run) = case(READ, json!([list])).load(with(&access)).await;
    let (subject, item) = deployment();
    let (mut one, mut other) = (run.session(), run.session());
    let (first, second) =
        tokio::join!(one.backup_item(&subject, item.clone()), other.backup_item(&subject, item.clone()));
    assert_eq!(told(&first), told(&second));
    assert_eq!(access.requests().len(), 1, "one asks, the other waits for it");
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    one.backup_item(&subject, item.clone()).await;
    assert_eq!(access.requests().len(), 2, "30 s are over");

    // An own write makes the list old.
    let access = settings();
    let create = json!({ "create": { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "app", "name": "new" } } });
    let both = "{cluster: [{verbs: [list, create], resources: [configmaps]}]}";
    told(&case(both, json!([list, list, create, list])).result(with(&access)).await);
    let kinds: Vec<String> =
        access.requests().iter().filter_map(|it| it.split(' ').nth(1).map(str::to_owned)).collect();
    assert_eq!(kinds, ["list", "create", "list"]);
}
