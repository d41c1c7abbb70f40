//! The same requests that a real Velero was once given, and what is the same and what is not.
//!
//! A folder of `tests/fixtures/recordings` is a case: manifests, and `case.yaml` with steps, each with what was recorded of Velero 1.18.3
//! on Kubernetes 1.36.3. Each step is taken again here, with the same velero CLI, and every difference fails the test that
//! `deviations.yaml` in the same folder does not explain. An explanation that explains nothing fails it as well.
//!
//! All cases share one server, in the namespace `velero` as in the recordings, and a control plane on which nothing else is: some
//! take everything of a cluster-scoped kind. Every object of a case has a name that starts with the case's own `ID-`.

mod capture;
mod compare;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use futures::stream::{self, StreamExt as _};
use lateen_test_cluster::Cluster;
use lateen_test_harness::{Installation, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use self::compare::{Difference, differences, fits};
use crate::fixtures::{folders, name, prefix, read_yaml};
use crate::world::{ENDED, LIMIT, setup};

/// Cases under way at the same time. The server takes one backup after the other; what gains is the CLI's part.
const AT_A_TIME: usize = 4;

/// A case.
struct Case {
    name: String,
    folder: PathBuf,
    /// How the names of its objects start, with the dash.
    prefix: String,
    steps: Vec<Step>,
    deviations: Vec<Deviation>,
}

/// The file `case.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "about")]
    _about: String,
    steps: Vec<Step>,
}

/// What is done, and what came of it: fields that are not in the recording are not compared.
#[derive(Deserialize)]
struct Step {
    #[serde(flatten)]
    action: Action,
    #[serde(default)]
    recorded: Value,
}

/// What a step does.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Applies the manifests of a file.
    Apply(String),
    /// `velero backup create` with these arguments, the first of which is the name; then [`Action::End`].
    Backup(Vec<String>),
    /// The end of a backup: the object, and all that is in the bucket.
    End(String),
    /// A command of the CLI.
    Velero(Vec<String>),
    /// `velero backup logs`.
    Logs(String),
    /// `velero backup download`.
    Download(String),
    /// The keys in the bucket that begin with this.
    Keys(String),
}

/// A difference that is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Where, as the report of a difference says it.
    at: String,
    /// What was recorded there; absent for what is only here.
    recorded: Option<Value>,
    /// What is there now, with the placeholders that recordings have; absent for what is only in the recording.
    here: Option<Value>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[tokio::test]
async fn what_velero_did_is_done() {
    let setup = setup("velero", Store::S3).flag("--resource-timeout=10s");
    let cluster = Cluster::start().unwrap();
    let velero = Installation::start(&cluster, setup).await.unwrap();
    let cases = Case::all().unwrap();
    // First all that is applied: a kind that one case defines must not appear while another case's backup is running.
    let applied = cases.iter().map(async |case| case.prepare(&velero).await);
    let applied: Vec<Result<()>> = stream::iter(applied).buffer_unordered(AT_A_TIME).collect().await;
    applied.into_iter().collect::<Result<()>>().unwrap();

    let runs = cases.iter().map(async |case| (case.name.as_str(), case.run(&velero).await));
    let mut found: Vec<_> = stream::iter(runs).buffer_unordered(AT_A_TIME).collect().await;

    found.sort_by_key(|(name, _)| *name);
    let mut failed = 0;
    for (name, result) in &found {
        let text = result.as_ref().map_or_else(|error| format!("  {error:?}\n"), Clone::clone);
        if !text.is_empty() {
            failed += 1;
            eprintln!("{name}:\n{text}");
        }
    }
    assert!(!found.is_empty() && failed == 0, "{failed} of {} cases differ, see above", found.len());
}

impl Case {
    fn all() -> Result<Vec<Self>> {
        folders("recordings").into_iter().map(Self::read).collect()
    }

    fn read(folder: PathBuf) -> Result<Self> {
        let document: Document = read_yaml(&folder.join("case.yaml"))?;
        let deviations = folder.join("deviations.yaml");
        let deviations = if deviations.exists() { read_yaml(&deviations)? } else { Vec::new() };
        let name = name(&folder);
        Ok(Self { prefix: prefix(&name), name, folder, steps: document.steps, deviations })
    }

    /// Takes the steps at the beginning that apply something.
    async fn prepare(&self, velero: &Installation<'_>) -> Result<()> {
        for step in &self.steps {
            let Action::Apply(file) = &step.action else { break };
            self.apply(velero, file).await?;
        }
        Ok(())
    }

    /// Takes the other steps, and tells what is not as it was recorded, and not explained.
    async fn run(&self, velero: &Installation<'_>) -> Result<String> {
        let mut found = Vec::new();
        let is_prepared = |step: &&Step| matches!(step.action, Action::Apply(_));
        for step in self.steps.iter().skip_while(is_prepared) {
            let here = self.take(velero, &step.action).await.with_context(|| step.action.name())?;
            let Some(recorded) = step.recorded.as_object() else { continue };
            for (field, recorded) in recorded {
                let at = format!("{}: {field}", step.action.name());
                found.extend(differences(&at, recorded, &here[field]));
            }
        }
        let is_explained = |difference: &Difference| self.deviations.iter().any(|it| it.explains(difference));
        let mut lines: Vec<String> =
            found.iter().filter(|it| !is_explained(it)).map(ToString::to_string).collect();
        let unused = self.deviations.iter().filter(|it| !found.iter().any(|found| it.explains(found)));
        lines.extend(
            unused.map(|it| format!("  {}\n    is explained, but does not differ (any more)\n", it.at)),
        );
        Ok(lines.concat())
    }

    async fn apply(&self, velero: &Installation<'_>, file: &str) -> Result<()> {
        let yaml = fs::read_to_string(self.folder.join(file)).with_context(|| format!("read {file}"))?;
        let applied = velero.objects().apply(&yaml).await?;
        velero.objects().settle(&applied).await
    }

    async fn take(&self, velero: &Installation<'_>, action: &Action) -> Result<Value> {
        match action {
            Action::Apply(file) => self.apply(velero, file).await.map(|()| Value::Null),
            Action::Backup(arguments) => self.back_up(velero, arguments).await,
            Action::End(name) => self.end(velero, name).await,
            Action::Velero(arguments) => capture::said(velero, arguments).await,
            Action::Logs(name) => capture::logs(velero, name).await,
            Action::Download(name) => capture::download(velero, name).await,
            Action::Keys(prefix) => {
                let keys = velero.bucket().keys()?;
                Ok(json!({ "keys": keys.iter().filter(|key| key.starts_with(prefix)).collect::<Vec<_>>() }))
            }
        }
    }

    async fn back_up(&self, velero: &Installation<'_>, arguments: &[String]) -> Result<Value> {
        self.forget_events(velero).await?;
        let command = [&["backup".to_owned(), "create".to_owned()], arguments].concat();
        let said = capture::said(velero, &command).await?;
        let Some(name) = arguments.first() else { bail!("a backup without a name") };
        if said["rc"] != 0 {
            return Ok(said);
        }
        let mut end = self.end(velero, name).await?;
        end["rc"] = said["rc"].clone();
        Ok(end)
    }

    async fn end(&self, velero: &Installation<'_>, name: &str) -> Result<Value> {
        let backup = velero.await_phase("Backup", name, &ENDED, LIMIT).await?;
        capture::backup(velero, name, backup, &self.prefix)
    }

    /// Controllers write events at their own pace; recordings have none.
    async fn forget_events(&self, velero: &Installation<'_>) -> Result<()> {
        for namespace in velero.objects().list("v1/Namespace", "").await? {
            let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
            if name.starts_with(&self.prefix) {
                velero.objects().delete_all("v1/Event", name).await?;
            }
        }
        Ok(())
    }
}

impl Action {
    fn name(&self) -> String {
        match self {
            Self::Apply(file) => format!("apply {file}"),
            Self::Backup(arguments) => {
                format!("backup {}", arguments.first().map_or("", String::as_str))
            }
            Self::End(name) => format!("end {name}"),
            Self::Velero(arguments) => format!("velero {}", arguments.join(" ")),
            Self::Logs(name) => format!("logs {name}"),
            Self::Download(name) => format!("download {name}"),
            Self::Keys(prefix) => format!("keys {prefix}"),
        }
    }
}

impl Deviation {
    fn explains(&self, difference: &Difference) -> bool {
        let is_here = match (&self.here, &difference.here) {
            (Some(explained), Some(here)) => fits(explained, here),
            (None, None) => true,
            _ => false,
        };
        self.at == difference.at && self.recorded == difference.recorded && is_here
    }
}
