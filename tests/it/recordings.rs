//! The same requests that a real Velero was once given, and what is the same and what is not.
//!
//! A folder of `tests/fixtures/recordings` is a case: manifests, and `case.yaml` with steps, each with what was recorded of Velero 1.18.3
//! on Kubernetes 1.36.3. Each step is taken again here, with the same velero CLI, and every difference fails the test that
//! `deviations.yaml` in the same folder does not explain. An explanation that explains nothing fails it as well.
//!
//! All cases share one server, in the namespace `velero` as in the recordings, and a control plane on which nothing else is: some
//! take everything of a cluster-scoped kind. Every object of a case has a name that starts with the case's own `ID-`.

mod capture;
mod case;
mod compare;
pub(crate) mod replayed;
mod restored;

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::stream::{self, StreamExt as _};
use lateen_test_cluster::Cluster;
use lateen_test_harness::{Installation, Store, wait_for};
use serde_json::{Value, json};

use self::case::{Action, Case, Step};
use self::compare::{Difference, differences};
use crate::world::{ENDED, LIMIT, setup};

/// Cases under way at the same time. The server takes one backup after the other; what gains is the CLI's part.
const AT_A_TIME: usize = 4;

/// First all that is applied: a kind that one case defines must not appear while another case's backup is running. Then the backups, and
/// then what takes something away that those of other cases would miss.
const ROUNDS: usize = 3;

/// How long controllers may take with what was restored: a second or two on an idle machine.
const CONTROLLERS_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_velero_did_is_done() {
    let setup = setup("velero", Store::S3).flag("--resource-timeout=10s");
    let cluster = Cluster::start().unwrap();
    let velero = Installation::start(&cluster, setup).await.unwrap();
    let cases = Case::all().unwrap();
    let mut found: Vec<(&Case, Result<Vec<Difference>>)> =
        cases.iter().map(|case| (case, Ok(Vec::new()))).collect();
    for round in 0..ROUNDS {
        let runs = found.into_iter().map(async |(case, found)| {
            let found = match found {
                Ok(found) => case.run(&velero, case.round(round), found).await,
                Err(error) => Err(error),
            };
            (case, found)
        });
        found = stream::iter(runs).buffer_unordered(AT_A_TIME).collect().await;
    }

    found.sort_by_key(|(case, _)| &case.name);
    let mut failed = 0;
    for (case, found) in &found {
        let text = found.as_ref().map_or_else(|error| format!("  {error:?}\n"), |found| case.report(found));
        if !text.is_empty() {
            failed += 1;
            eprintln!("{}:\n{text}", case.name);
        }
    }
    assert!(!found.is_empty() && failed == 0, "{failed} of {} cases differ, see above", found.len());
}

impl Case {
    /// The steps of a round: those at the beginning that apply something, those that other cases do not see anything of, and the rest.
    fn round(&self, round: usize) -> &[Step] {
        let is_applied = |step: &Step| matches!(step.action, Action::Apply(_));
        let first = self.steps.iter().position(|step| !is_applied(step)).unwrap_or(self.steps.len());
        let is_seen = |step: &Step| step.action.is_seen_by_others();
        let second = self.steps.iter().position(is_seen).unwrap_or(self.steps.len());
        let ends = [0, first, second, self.steps.len()];
        &self.steps[ends[round]..ends[round + 1]]
    }

    /// Takes steps, and tells what is not as it was recorded, after what was found before.
    async fn run(
        &self,
        velero: &Installation<'_>,
        steps: &[Step],
        mut found: Vec<Difference>,
    ) -> Result<Vec<Difference>> {
        for step in steps {
            let here = self.take(velero, step).await.with_context(|| step.action.name())?;
            for (field, recorded) in step.recorded.as_object().into_iter().flatten() {
                found.extend(differences(&step.field(field), recorded, &here[field]));
            }
        }
        Ok(found)
    }

    /// What is not explained.
    fn unexplained(&self, found: &[Difference]) -> Vec<String> {
        found.iter().filter(|it| !self.explains(it)).map(ToString::to_string).collect()
    }

    /// What is not explained, and what is explained and is not there.
    fn report(&self, found: &[Difference]) -> String {
        let mut lines = self.unexplained(found);
        let unused = self.deviations.iter().filter(|it| !found.iter().any(|found| it.explains(found)));
        lines.extend(
            unused.map(|it| format!("  {}\n    is explained, but does not differ (any more)\n", it.at)),
        );
        lines.concat()
    }

    fn explains(&self, difference: &Difference) -> bool {
        self.deviations.iter().any(|it| it.explains(difference))
    }

    async fn apply(&self, velero: &Installation<'_>, file: &str) -> Result<()> {
        let yaml = fs::read_to_string(self.folder.join(file)).with_context(|| format!("read {file}"))?;
        let applied = velero.objects().apply(&yaml).await?;
        velero.objects().settle(&applied).await
    }

    async fn take(&self, velero: &Installation<'_>, step: &Step) -> Result<Value> {
        match &step.action {
            Action::Apply(file) => self.apply(velero, file).await.map(|()| Value::Null),
            Action::Backup(arguments) => self.back_up(velero, arguments).await,
            Action::End(name) => self.end(velero, name).await,
            Action::Velero(arguments) => capture::said(velero, arguments).await,
            Action::Logs(name) => capture::logs(velero, "backup", name).await,
            Action::Download(name) => capture::download(velero, name).await,
            Action::Keys(prefix) => {
                let keys = velero.bucket().keys()?;
                Ok(json!({ "keys": keys.iter().filter(|key| key.starts_with(prefix)).collect::<Vec<_>>() }))
            }
            Action::Remove(objects) => remove(velero, objects).await.map(|()| Value::Null),
            Action::Patch { object, merge } => {
                let (kind, namespace, name) = parts(object)?;
                velero.objects().merge(kind, namespace, name, merge).await.map(|_| Value::Null)
            }
            Action::Restore(arguments) => self.restore(velero, arguments, step).await,
            Action::RestoreEnd(name) => restored::end(velero, name).await,
            Action::RestoreLogs(name) => capture::logs(velero, "restore", name).await,
        }
    }

    async fn restore(&self, velero: &Installation<'_>, arguments: &[String], step: &Step) -> Result<Value> {
        let command = [&["restore".to_owned(), "create".to_owned()], arguments].concat();
        let said = capture::said(velero, &command).await?;
        let Some(name) = arguments.first() else { bail!("a restore without a name") };
        if said["rc"] != 0 {
            return Ok(said);
        }
        let mut end = restored::end(velero, name).await?;
        end["rc"] = said["rc"].clone();
        end["live"] = self.live(velero, step).await?;
        Ok(end)
    }

    /// What is in the cluster, when controllers have made of it what was recorded, or do not.
    async fn live(&self, velero: &Installation<'_>, step: &Step) -> Result<Value> {
        let mut live = Value::Null;
        let as_recorded = wait_for("controllers to be through", CONTROLLERS_LIMIT, async || {
            live = restored::live(velero, &step.namespaces, &step.cluster).await?;
            let found = differences(&step.field("live"), &step.recorded["live"], &live);
            Ok(found.iter().all(|difference| self.explains(difference)).then_some(()))
        })
        .await;
        match as_recorded {
            Err(error) if live.is_null() => Err(error),
            // The comparison says what is not as it was recorded.
            _ => Ok(live),
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

/// The kind, namespace and name of `apiVersion/Kind namespace/name`.
fn parts(object: &str) -> Result<(&str, &str, &str)> {
    let (kind, place) = object.split_once(' ').context("write it as `apiVersion/Kind namespace/name`")?;
    let (namespace, name) = place.split_once('/').unwrap_or(("", place));
    Ok((kind, namespace, name))
}

/// Deletes objects, and waits for their end: one after the other, because a namespace does not go away while a kind of it vanishes.
async fn remove(velero: &Installation<'_>, objects: &[String]) -> Result<()> {
    for object in objects {
        let (kind, namespace, name) = parts(object)?;
        velero.objects().delete(kind, namespace, name).await?;
        wait_for(&format!("the end of {object}"), LIMIT, async || {
            Ok(velero.objects().get(kind, namespace, name).await?.is_none().then_some(()))
        })
        .await?;
    }
    Ok(())
}
