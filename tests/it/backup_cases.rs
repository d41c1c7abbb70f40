//! What a backup takes, and what it says about it: a folder of `tests/fixtures/backups` for each case.
//!
//! A folder has `backup.yaml` ([`Document`] says what can be in it) and manifests, which are applied in the order of their names. What
//! comes of it is an accepted snapshot with the folder's name. To add a case is to add a folder, to run the tests, to read what
//! `cargo insta review` shows, line by line, and to accept it. `LATEEN_CASE=part-of-a-name` runs only some.
//!
//! Cases share a server, or the few that want other flags than most. So that none sees another, every object of a case has a name
//! that starts with the case's own `ID-` (the groups of its custom resources end in `ID.example`), or is in such a namespace; whatever
//! else a backup takes along is left out of the snapshot and of its counts.

mod picture;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use futures::stream::{self, StreamExt as _};
use lateen_test_harness::{Installation, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use self::picture::Picture;
use crate::fixtures::{delete_and_hold, folders, name, prefix, read_yaml};
use crate::redaction::with_snapshots;
use crate::world::{ENDED, LIMIT, cluster, setup};

/// Cases under way at the same time: what takes long are the waits for controllers.
const AT_A_TIME: usize = 6;

/// The namespace that manifests write for the server's own.
const SERVER: &str = "velero";

/// The file `backup.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// What the case shows.
    about: String,
    /// Arguments of `velero backup create NAME`.
    #[serde(default)]
    arguments: Vec<String>,
    /// Or, for what the CLI does not do: the spec of a Backup.
    spec: Option<Value>,
    /// Annotations of that Backup.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// Flags of the server.
    #[serde(default)]
    flags: Vec<String>,
    /// Whether the backups of other cases would see something of this one, which therefore comes after them.
    #[serde(default)]
    last: bool,
    /// What is deleted before the backup, as `apiVersion/Kind namespace/name`: finalizers may hold it.
    #[serde(default)]
    delete: Vec<String>,
    /// Whether events are part of the snapshot: those of controllers come at their own pace.
    #[serde(default)]
    events: bool,
}

struct Case {
    name: String,
    /// How the names of its objects start, with the dash.
    prefix: String,
    folder: PathBuf,
    document: Document,
}

#[tokio::test]
async fn backups_take_what_they_should() {
    let only = env::var("LATEEN_CASE").unwrap_or_default();
    let mut servers: BTreeMap<(bool, Vec<String>), Vec<Case>> = BTreeMap::new();
    for folder in folders("backups").into_iter().filter(|folder| name(folder).contains(&only)) {
        let case = Case::read(folder).unwrap();
        servers.entry((case.document.last, case.document.flags.clone())).or_default().push(case);
    }
    assert!(!servers.is_empty(), "no case is called {only:?}");
    let mut failed = Vec::new();
    for (number, ((_, flags), cases)) in servers.iter().enumerate() {
        let setup = setup(&format!("velero-cases-{number}"), Store::File);
        let setup = flags.iter().fold(setup, |setup, flag| setup.flag(flag));
        let velero = Installation::start(cluster(), setup).await.unwrap();
        for (name, result) in run_all(&velero, cases).await {
            let is_as_accepted = || {
                with_snapshots("backups", || insta::assert_yaml_snapshot!(name, result.as_ref().unwrap()));
            };
            if catch_unwind(AssertUnwindSafe(is_as_accepted)).is_err() {
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "not as accepted, see above: {failed:#?}");
}

/// All cases of a server, first all that they apply: a kind that one defines must not appear while the backup of another is running.
async fn run_all<'a>(velero: &Installation<'_>, cases: &'a [Case]) -> Vec<(&'a str, Result<Picture<'a>>)> {
    let prepared = cases.iter().map(async |case| (case, case.prepare(velero).await));
    let prepared: Vec<_> = stream::iter(prepared).buffer_unordered(AT_A_TIME).collect().await;
    let run = prepared.into_iter().map(async |(case, prepared)| {
        let picture = match prepared {
            Ok(()) => case.run(velero).await,
            Err(error) => Err(error),
        };
        (case.name.as_str(), picture)
    });
    let mut run: Vec<_> = stream::iter(run).buffer_unordered(AT_A_TIME).collect().await;
    run.sort_by_key(|(name, _)| *name);
    run
}

impl Case {
    fn read(folder: PathBuf) -> Result<Self> {
        let name = name(&folder);
        let document = read_yaml(&folder.join("backup.yaml"))?;
        Ok(Self { prefix: prefix(&name), name, folder, document })
    }

    /// Applies the manifests, deletes what is to be deleted, and waits until controllers are through.
    async fn prepare(&self, velero: &Installation<'_>) -> Result<()> {
        for file in self.manifests()? {
            let yaml = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            let yaml =
                yaml.replace(&format!("namespace: {SERVER}"), &format!("namespace: {}", velero.namespace()));
            let applied = velero.objects().apply(&yaml).await.with_context(|| self.name.clone())?;
            velero.objects().settle(&applied).await.with_context(|| self.name.clone())?;
        }
        for object in &self.document.delete {
            delete_and_hold(velero, object).await.with_context(|| self.name.clone())?;
        }
        Ok(())
    }

    fn manifests(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder).with_context(|| format!("look into {}", self.name))?;
        let files = entries.map(|entry| Ok(entry.context("look into the folder")?.path()));
        let mut files = files.collect::<Result<Vec<_>>>()?;
        files.retain(|file| name(file) != "backup.yaml");
        files.sort();
        Ok(files)
    }

    async fn run(&self, velero: &Installation<'_>) -> Result<Picture<'_>> {
        let name = self.name.as_str();
        if let Some(spec) = &self.document.spec {
            let backup = json!({
                "apiVersion": "velero.io/v1", "kind": "Backup",
                "metadata": {
                    "namespace": velero.namespace(), "name": name, "annotations": self.document.annotations,
                },
                "spec": spec,
            });
            velero.objects().apply_value(&backup).await?;
        } else {
            let arguments = self.document.arguments.iter().map(String::as_str);
            let command: Vec<&str> = ["backup", "create", name].into_iter().chain(arguments).collect();
            velero.velero(&command).await?.success()?;
        }
        let ended = velero.await_phase("Backup", name, &ENDED, LIMIT).await?;
        Picture::take(velero, self, &ended)
    }
}
