//! The steps of the demo. Each says what it does, does it with what a user has, and fails if the outcome is not the expected one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use lateen_test_cluster::{Cluster, tools};
use lateen_test_harness::{Installation, Live, Setup, Store, differences, entries, wait_for};
use serde_json::Value;

use crate::narrator::Narrator;

const APPLICATION: &str = include_str!("../application.yaml");
const ACTION: &str = include_str!("../action.yaml");

/// The server's namespace, which is the velero CLI's default.
const SERVER: &str = "velero";
/// The namespace of the application, and the one that it is restored into.
const BEFORE: &str = "app";
const AFTER: &str = "app2";
const BACKUP: &str = "shop";
const RESTORE: &str = "shop-again";

/// What is shown of a backup's description: how it went.
const EXCERPT: [&str; 7] = [
    "Phase:",
    "Storage Location:",
    "Backup Format Version:",
    "Started:",
    "Completed:",
    "Total items",
    "Items backed up",
];

/// How long three fake pods may take to run.
const PODS_LIMIT: Duration = Duration::from_mins(1);

/// What a restore into another namespace has to change, and what the action was asked to. Anything else is a fault.
const EXPECTED: [&str; 4] = [
    r#"deployments.apps/web metadata.annotations["demo.lateen.dev/backed-up-by"]: (none) -> "shop""#,
    r#"deployments.apps/web metadata.annotations["demo.lateen.dev/restored-by"]: (none) -> "shop-again""#,
    "deployments.apps/web spec.replicas: 3 -> 1",
    r#"rolebindings.rbac.authorization.k8s.io/web subjects[0].namespace: "app" -> "app2""#,
];

/// Tells the story up to the comparison, and leaves the installation as it then is.
pub(crate) async fn tell<'a>(
    narrator: &mut Narrator,
    cluster: &'a Cluster,
    store: Store,
    binary: PathBuf,
    component: &[u8],
) -> Result<Installation<'a>> {
    narrator.step("The kinds of velero.io, and the server");
    let installation = Installation::start(cluster, Setup::new(binary, SERVER, store)).await?;
    let place = match store {
        Store::File => "a directory",
        Store::S3 => "a bucket of the S3 server",
    };
    narrator.say(&format!(
        "`lateen server` works in namespace {SERVER}; its location \"default\", {place}, is Available"
    ));

    let before = deploy(narrator, &installation).await?;
    add_action(narrator, &installation, component).await?;
    back_up(narrator, &installation).await?;

    narrator.step("The accident");
    narrator.command(&format!("kubectl delete namespace {BEFORE}"));
    installation.objects().delete_namespace(BEFORE).await?;
    ensure!(installation.objects().live(BEFORE).await?.is_empty(), "something is left in namespace {BEFORE}");
    narrator.proof(&format!("namespace {BEFORE} is gone, with all that was in it"));

    restore(narrator, &installation).await?;
    compare(narrator, &installation, &before).await?;
    Ok(installation)
}

async fn deploy(narrator: &mut Narrator, installation: &Installation<'_>) -> Result<Live> {
    narrator.step(&format!("An application in namespace {BEFORE}"));
    narrator.command("kubectl apply --server-side -f tests/demo/application.yaml");
    installation.objects().apply(APPLICATION).await?;
    await_deployment(installation, BEFORE, 3).await?;
    let live = installation.objects().live(BEFORE).await?;
    narrator.say(&live.keys().cloned().collect::<Vec<_>>().join("\n"));
    narrator.proof("3 of 3 pods run");
    Ok(live)
}

async fn add_action(
    narrator: &mut Narrator,
    installation: &Installation<'_>,
    component: &[u8],
) -> Result<()> {
    narrator.step("An item action: a WebAssembly component in a ConfigMap, while the server runs");
    let without_comments: Vec<_> = ACTION.lines().filter(|line| !line.starts_with('#')).collect();
    narrator.quote(&without_comments.join("\n"));
    let action = installation.apply_action("stamp", ACTION, component).await?;
    let (reason, message) = installation.await_verdict(&action).await?;
    ensure!(reason == "ActionLoaded", "the server does not take the action: {message}");
    narrator.say(&format!(
        "{} KB, no image, no restart; the server says by an Event on the ConfigMap:",
        component.len() / 1024
    ));
    narrator.quote(&message);
    Ok(())
}

async fn back_up(narrator: &mut Narrator, installation: &Installation<'_>) -> Result<()> {
    narrator.step("A backup, by the velero command line as it is");
    let said = velero(
        narrator,
        installation,
        &["backup", "create", BACKUP, "--include-namespaces", BEFORE, "--wait"],
    )
    .await?;
    ensure!(said.contains("completed with status: Completed"), "the backup did not complete:\n{said}");
    narrator.quote(last_line(&said));

    let said = velero(narrator, installation, &["backup", "describe", BACKUP, "--details"]).await?;
    narrator.quote(&excerpt(&said, &EXCERPT));

    narrator.step("What is in the archive");
    let file = "shop.tar.gz";
    velero(narrator, installation, &["backup", "download", BACKUP, "--output", file]).await?;
    let archive = installation.directory().join(file);
    let archive = std::fs::read(&archive).with_context(|| format!("read {}", archive.display()))?;
    let entries = entries(&archive)?;
    let (versions, items): (Vec<_>, Vec<_>) =
        entries.iter().map(|entry| entry.path.as_str()).partition(|path| path.contains("-preferredversion/"));
    ensure!(items.contains(&"metadata/version"), "the archive has no format version");
    let (events, shown): (Vec<_>, Vec<_>) =
        items.iter().copied().partition(|path| path.starts_with("resources/events/"));
    narrator.quote(&shown.join("\n"));
    narrator.say(&format!(
        "besides {} events, and a second copy of each of the {} items below the version of its kind",
        events.len(),
        versions.len()
    ));
    Ok(())
}

async fn restore(narrator: &mut Narrator, installation: &Installation<'_>) -> Result<()> {
    narrator.step(&format!("A restore into namespace {AFTER}"));
    let mapping = format!("{BEFORE}:{AFTER}");
    let arguments =
        ["restore", "create", RESTORE, "--from-backup", BACKUP, "--namespace-mappings", &mapping, "--wait"];
    let said = velero(narrator, installation, &arguments).await?;
    ensure!(said.contains("completed with status: Completed"), "the restore did not complete:\n{said}");
    narrator.quote(last_line(&said));
    await_deployment(installation, AFTER, 1).await?;

    let said = velero(narrator, installation, &["restore", "logs", RESTORE]).await?;
    let of_action: Vec<_> = said.lines().filter(|line| line.contains("scaled from 3 to 1")).collect();
    ensure!(!of_action.is_empty(), "the log of the restore does not tell what the action did:\n{said}");
    narrator.say("What the action says in that log:");
    narrator.quote(&of_action.join("\n"));
    Ok(())
}

async fn compare(narrator: &mut Narrator, installation: &Installation<'_>, before: &Live) -> Result<()> {
    narrator.step(&format!("Before and after: what differs between {BEFORE} as it was and {AFTER} as it is"));
    let after = installation.objects().live(AFTER).await?;
    let found = differences(before, &after);
    narrator.quote(&found.join("\n"));
    ensure!(found == EXPECTED, "that is not what should differ, which is:\n{}", EXPECTED.join("\n"));
    narrator.proof(&format!(
        "{} objects are there again; 3 differences are the action's, 1 is the namespace's new name, and there is no other",
        after.len()
    ));
    Ok(())
}

/// Says how to go on; with `keep`, stays until Ctrl-C.
pub(crate) async fn where_next(
    narrator: &Narrator,
    cluster: &Cluster,
    installation: &Installation<'_>,
    keep: bool,
) -> Result<()> {
    narrator.title(&format!("Done in {:.0} s.", narrator.seconds()));
    if !keep {
        narrator.say(
            "KEEP=1 make demo   leaves everything running, for kubectl and velero\n\
             STORE=s3 make demo keeps the backup in an S3 server\n\
             docs/install.md    on a cluster of yours\n\
             docs/actions/      an action of your own\n\
             ARCHITECTURE.md    how it works and where to add what",
        );
        return Ok(());
    }
    narrator.say("Everything is still running. In another shell:");
    println!();
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("export PATH={}:$PATH", tools::ensure(&[])?.search_path()?.display());
    println!("kubectl get all,vouchers -n {AFTER}");
    println!("velero backup get");
    println!("velero restore describe {RESTORE} --details");
    println!();
    narrator.say(&format!("The server's log, and everybody else's: {}", cluster.logs().display()));
    narrator.say(&format!("The backups: {}", installation.bucket().directory().display()));
    narrator.say("Ctrl-C ends and removes all of it.");
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")
}

/// Runs a command of the velero CLI in front of the audience. Gives back what it said, if it succeeded.
async fn velero(narrator: &Narrator, installation: &Installation<'_>, arguments: &[&str]) -> Result<String> {
    narrator.command(&format!("velero {}", arguments.join(" ")));
    installation.velero(arguments).await?.success()
}

/// Waits until all pods of the one Deployment run, and it has as many as it should.
async fn await_deployment(installation: &Installation<'_>, namespace: &str, replicas: u64) -> Result<()> {
    let mut seen = Value::Null;
    let what = format!("{replicas} pods in namespace {namespace}");
    let available = wait_for(&what, PODS_LIMIT, async || {
        let found = installation.objects().get("apps/v1/Deployment", namespace, "web").await?;
        let Some(deployment) = found else { bail!("there is no Deployment web in namespace {namespace}") };
        seen = deployment["status"].clone();
        Ok((seen["availableReplicas"] == replicas && seen["replicas"] == replicas).then_some(()))
    });
    available.await.with_context(|| format!("the Deployment's status is {seen}"))
}

fn last_line(text: &str) -> &str {
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// The lines that begin with one of `beginnings`.
fn excerpt(described: &str, beginnings: &[&str]) -> String {
    let is_wanted = |line: &&str| beginnings.iter().any(|beginning| line.starts_with(beginning));
    described.lines().filter(is_wanted).collect::<Vec<_>>().join("\n")
}
