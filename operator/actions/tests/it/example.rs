//! The example of the SDK, from its ConfigMap to its effect.

use std::sync::Arc;

use lateen_actions::{NoteLevel, Role};
use serde_json::json;

use crate::world::{STAMP, annotations, configmap, deployment, manifest, run};

#[tokio::test]
async fn on_restore_it_scales_and_marks() {
    let stamp =
        configmap("stamp", &manifest("stamp", "params: {replicas: 1, annotations: {team: web}}"), &STAMP);
    let mut session = run(Role::Restore, &[stamp]).await.session();
    let (subject, item) = deployment();

    let result = session.restore_item(&subject, item.clone(), Arc::new(item.clone())).await;

    assert_eq!(result.error, None);
    assert!(result.changed);
    let mut expected = item;
    expected["spec"]["replicas"] = json!(1);
    expected["metadata"]["annotations"] = json!({ "demo.lateen.dev/restored-by": "nightly", "team": "web" });
    assert_eq!(result.item, expected);
    let [note] = &result.notes[..] else { panic!("{:?}", result.notes) };
    assert_eq!(
        (note.level, note.action.as_str(), note.message.as_str()),
        (NoteLevel::Info, "test.example/stamp", "scaled from 3 to 1 replicas")
    );
}

#[tokio::test]
async fn on_backup_it_marks() {
    let stamp = configmap("stamp", &manifest("stamp", ""), &STAMP);
    let mut session = run(Role::Backup, &[stamp]).await.session();
    let (subject, item) = deployment();

    let result = session.backup_item(&subject, item).await;

    assert_eq!(annotations(&result.item)["demo.lateen.dev/backed-up-by"], "nightly");
    assert_eq!(result.item["spec"]["replicas"], 3);
}

#[tokio::test]
async fn actions_run_in_their_order_and_see_each_other() {
    let action = |name: &str, order: i32, value: &str| {
        let rest = format!("order: {order}\nparams: {{annotations: {{who: {value}}}}}");
        configmap(name, &manifest(name, &rest), &STAMP)
    };
    let maps = [action("a", 2, "last"), action("c", 1, "second"), action("b", 1, "first")];
    let run = run(Role::Backup, &maps).await;
    let names: Vec<String> = run.set().describe().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["test.example/b", "test.example/c", "test.example/a"]);

    let (subject, item) = deployment();
    let result = run.session().backup_item(&subject, item).await;
    assert_eq!(annotations(&result.item)["who"], "last");
}

#[tokio::test]
async fn what_does_not_match_is_not_touched() {
    let rest = "limits: {memory: 64Mi, time: 500ms}";
    let text = manifest("stamp", rest)
        .replace("[deployments.apps]", "[deployments.apps], namespaces: [team-*], labelSelector: tier=front");
    let run = run(Role::Backup, &[configmap("stamp", &text, &STAMP)]).await;
    let (mut subject, item) = deployment();
    let labels = [("tier".to_owned(), "back".to_owned())].into();
    assert!(!run.set().concerns(Role::Backup, &subject, None), "namespace app");

    subject.namespace = Some("team-a".to_owned());
    assert!(run.set().concerns(Role::Backup, &subject, None), "labels are not known yet");
    assert!(!run.set().concerns(Role::Backup, &subject, Some(&labels)));
    let mut other = item.clone();
    other["metadata"]["labels"]["tier"] = json!("back");
    let result = run.session().backup_item(&subject, other.clone()).await;
    assert_eq!((result.item, result.changed), (other, false));

    subject.resource = "statefulsets".to_owned();
    assert!(!run.set().concerns(Role::Backup, &subject, None));
}
