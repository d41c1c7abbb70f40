//! What a restore makes of a backup, and what it says about it: a folder of `tests/fixtures/restores` for each case.
//!
//! A folder has `restore.yaml` ([`Document`] says what can be in it), and what there is to restore: either `archive.yaml`, an archive
//! written down entry by entry ([`packed`]), or manifests, which are applied, backed up by the server itself and deleted. Manifests in
//! `before/` are applied after that, and are what the restore meets. What comes of it is an accepted snapshot with the folder's name.
//! `LATEEN_CASE=part-of-a-name` runs only some.
//!
//! Cases share a control plane of their own, because some define kinds and refuse objects, and a server for each set of flags. So that
//! none sees another, every object of a case has a name that starts with the case's own `ID-` (the groups of its custom resources end
//! in `ID.example`), or is in such a namespace.

mod objects;
mod packed;
mod picture;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _};
use lateen_test_cluster::Cluster;
use lateen_test_harness::{Installation, Store, wait_for};
use serde::Deserialize;
use serde_json::{Value, json};

use self::picture::Picture;
use crate::fixtures::{delete_and_hold, folders, name, prefix, read_yaml};
use crate::redaction::with_snapshots;
use crate::world::{ENDED, LIMIT, phase, setup};

/// Cases under way at the same time: what takes long are the waits for controllers.
const AT_A_TIME: usize = 8;

/// The namespace that manifests and archives write for the server's own.
const SERVER: &str = "velero";

/// The files of a folder that are no manifests.
const OTHER_FILES: [&str; 3] = ["restore.yaml", "archive.yaml", "bucket.yaml"];

/// The file `restore.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// What the case shows.
    about: String,
    /// Arguments of `velero backup create NAME`, for the manifests.
    #[serde(default)]
    backup: Vec<String>,
    /// Whether the manifests stay in the cluster after their backup.
    #[serde(default)]
    keep: bool,
    /// What is deleted when everything has been applied, as `apiVersion/Kind namespace/name`, and then held by its finalizers.
    #[serde(default)]
    delete: Vec<String>,
    /// An object that the API server has to refuse before the restore begins: policies take a moment until they count.
    refuses: Option<Value>,
    /// Arguments of `velero restore create NAME --from-backup NAME`.
    #[serde(default)]
    arguments: Vec<String>,
    /// Or, for what the CLI does not do: the spec of a Restore, without the name of its backup.
    spec: Option<Value>,
    /// Annotations of that Restore.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// Flags of the server.
    #[serde(default)]
    flags: Vec<String>,
    /// What of the objects is shown as well, which most cases leave out.
    #[serde(default)]
    show: Vec<objects::Also>,
}

struct Case {
    name: String,
    /// How the names of its objects start, with the dash.
    prefix: String,
    folder: PathBuf,
    document: Document,
}

#[tokio::test]
async fn restores_bring_back_what_they_should() {
    let only = env::var("LATEEN_CASE").unwrap_or_default();
    let mut servers: BTreeMap<Vec<String>, Vec<Case>> = BTreeMap::new();
    for folder in folders("restores").into_iter().filter(|folder| name(folder).contains(&only)) {
        let case = Case::read(folder).unwrap();
        servers.entry(case.document.flags.clone()).or_default().push(case);
    }
    assert!(!servers.is_empty(), "no case is called {only:?}");
    let cluster = Cluster::start().unwrap();
    let servers = servers.iter().enumerate();
    let found = stream::iter(servers.map(|(number, (flags, cases))| run_all(&cluster, number, flags, cases)));
    let found: Vec<_> = found.buffer_unordered(AT_A_TIME).collect().await;
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by_key(|(name, _)| *name);
    let mut failed = Vec::new();
    for (name, picture) in found {
        let is_as_accepted = || {
            with_snapshots("restores", || insta::assert_yaml_snapshot!(name, picture.as_ref().unwrap()));
        };
        if catch_unwind(AssertUnwindSafe(is_as_accepted)).is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "not as accepted, see above: {failed:#?}");
}

/// All cases of a server: first what they apply and back up, then the restores, and at last a look at what there is.
async fn run_all<'a>(
    cluster: &Cluster,
    number: usize,
    flags: &[String],
    cases: &'a [Case],
) -> Vec<(&'a str, Result<Picture<'a>>)> {
    let setup = setup(&format!("velero-restores-{number}"), Store::File);
    let setup = flags.iter().fold(setup, |setup, flag| setup.flag(flag));
    let velero = Installation::start(cluster, setup).await.unwrap();
    let prepared = cases.iter().map(async |case| (case, case.prepare(&velero).await));
    let prepared: Vec<_> = stream::iter(prepared).buffer_unordered(AT_A_TIME).collect().await;
    let run = prepared.into_iter().map(async |(case, prepared)| {
        let ended = match prepared {
            Ok(()) => case.run(&velero).await,
            Err(error) => Err(error),
        };
        (case, ended)
    });
    let run: Vec<_> = stream::iter(run).buffer_unordered(AT_A_TIME).collect().await;
    let everything = velero.objects().everything().await.unwrap();
    let pictures = run.into_iter().map(|(case, ended)| {
        let picture = ended.and_then(|ended| Picture::take(cluster, &velero, case, &ended, &everything));
        (case.name.as_str(), picture)
    });
    pictures.collect()
}

impl Case {
    fn read(folder: PathBuf) -> Result<Self> {
        let name = name(&folder);
        let document = read_yaml(&folder.join("restore.yaml"))?;
        Ok(Self { prefix: prefix(&name), name, folder, document })
    }

    /// Makes the backup, and what the restore is to meet.
    async fn prepare(&self, velero: &Installation<'_>) -> Result<()> {
        let what = || self.name.clone();
        let manifests = manifests(&self.folder)?;
        ensure!(
            manifests.is_empty() == self.folder.join("archive.yaml").exists(),
            "{}: either archive.yaml or manifests",
            self.name
        );
        if manifests.is_empty() {
            self.pack(velero).await.with_context(what)?;
        } else {
            self.back_up(velero, &manifests).await.with_context(what)?;
        }
        let before = self.folder.join("before");
        if before.exists() {
            apply(velero, &self::manifests(&before)?).await.with_context(what)?;
        }
        for object in &self.document.delete {
            delete_and_hold(velero, object).await.with_context(what)?;
        }
        if let Some(object) = &self.document.refuses {
            wait_for("the API server to refuse what it should", LIMIT, async || {
                Ok(velero.objects().refuses(object).await?.then_some(()))
            })
            .await
            .with_context(what)?;
        }
        Ok(())
    }

    async fn back_up(&self, velero: &Installation<'_>, manifests: &[PathBuf]) -> Result<()> {
        let applied = apply(velero, manifests).await?;
        let arguments = self.document.backup.iter().map(String::as_str);
        let command: Vec<&str> = ["backup", "create", &self.name].into_iter().chain(arguments).collect();
        velero.velero(&command).await?.success()?;
        let ended = velero.await_phase("Backup", &self.name, &ENDED, LIMIT).await?;
        ensure!(phase(&ended) == "Completed", "the backup ended with {:#}", ended["status"]);
        if !self.document.keep {
            remove(velero, applied).await?;
        }
        Ok(())
    }

    async fn run(&self, velero: &Installation<'_>) -> Result<Value> {
        let name = self.name.as_str();
        if let Some(spec) = &self.document.spec {
            let mut spec = spec.clone();
            spec["backupName"] = json!(name);
            let restore = json!({
                "apiVersion": "velero.io/v1", "kind": "Restore",
                "metadata": {
                    "namespace": velero.namespace(), "name": name, "annotations": self.document.annotations,
                },
                "spec": spec,
            });
            velero.objects().apply_value(&restore).await?;
        } else {
            let arguments = self.document.arguments.iter().map(String::as_str);
            let command = ["restore", "create", name, "--from-backup", name];
            let command: Vec<&str> = command.into_iter().chain(arguments).collect();
            velero.velero(&command).await?.success()?;
        }
        velero.await_phase("Restore", name, &ENDED, LIMIT).await
    }
}

/// The manifests of a folder, in the order of their names.
fn manifests(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("look into {}", folder.display()))?;
    let files = entries.map(|entry| Ok(entry.context("look into the folder")?.path()));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.is_file() && !OTHER_FILES.contains(&name(file).as_str()));
    files.sort();
    Ok(files)
}

/// Applies manifests, and waits until controllers are through.
async fn apply(velero: &Installation<'_>, manifests: &[PathBuf]) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for file in manifests {
        let yaml = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let own = format!("namespace: {}", velero.namespace());
        let yaml = yaml.replace(&format!("namespace: {SERVER}"), &own);
        let applied = velero.objects().apply(&yaml).await?;
        velero.objects().settle(&applied).await?;
        all.extend(applied);
    }
    Ok(all)
}

/// Deletes what was applied, and waits for its end: namespaces with all that is in them, and what is in no namespace.
async fn remove(velero: &Installation<'_>, applied: Vec<Value>) -> Result<()> {
    let is_deleted = |object: &Value| object["metadata"]["namespace"].is_null();
    let mut going: Vec<(String, String)> = Vec::new();
    for object in applied.iter().filter(|object| is_deleted(object)) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = format!("{}/{}", text("/apiVersion"), text("/kind"));
        velero.objects().delete(&kind, "", text("/metadata/name")).await?;
        going.push((kind, text("/metadata/name").to_owned()));
    }
    for (kind, name) in going {
        wait_for(&format!("the end of {kind} {name}"), LIMIT, async || {
            Ok(velero.objects().get(&kind, "", &name).await?.is_none().then_some(()))
        })
        .await?;
    }
    Ok(())
}
