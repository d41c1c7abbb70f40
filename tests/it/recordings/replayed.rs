//! What was recorded of a restore, for one with other names: of the same application, from a backup that somebody else has made.

use anyhow::{Context as _, Result};
use lateen_test_harness::Installation;

use super::case::{Action, Case, Step};
use super::compare::{Difference, differences};
use crate::fixtures::{folders, name};

/// What of a recording is compared: the rest has names and times of the other backup.
const COMPARED: [&str; 3] = ["phase", "files", "live"];

/// A recorded restore.
pub(crate) struct Recorded {
    case: Case,
}

impl Recorded {
    /// The restore of a case such as `s01`, when its backup and the restore are called otherwise.
    pub(crate) fn of(case: &str, backup: &str, restore: &str) -> Result<Self> {
        let is_it = |folder: &std::path::PathBuf| name(folder).starts_with(&format!("{case}-"));
        let folder = folders("recordings").into_iter().find(is_it).with_context(|| format!("find {case}"))?;
        let recorded = (format!("{case}-b1"), format!("{case}-r1"));
        let names = [(recorded.0.as_str(), backup), (recorded.1.as_str(), restore)];
        Ok(Self { case: Case::read(folder, &names)? })
    }

    /// Restores with the arguments of the recording. The report has a line for each difference that is not explained.
    pub(crate) async fn restore(&self, velero: &Installation<'_>) -> Result<String> {
        let (step, arguments) = self.step()?;
        let here = self.case.restore(velero, arguments, step).await?;
        let found: Vec<Difference> = COMPARED
            .iter()
            .flat_map(|field| differences(&step.field(field), &step.recorded[field], &here[field]))
            .collect();
        Ok(self.case.unexplained(&found).concat())
    }

    /// Compares what is in the cluster.
    pub(crate) async fn compare(&self, velero: &Installation<'_>) -> Result<String> {
        let (step, _) = self.step()?;
        let live = self.case.live(velero, step).await?;
        let found = differences(&step.field("live"), &step.recorded["live"], &live);
        Ok(self.case.unexplained(&found).concat())
    }

    fn step(&self) -> Result<(&Step, &[String])> {
        let mut restores = self.case.steps.iter().filter_map(|step| match &step.action {
            Action::Restore(arguments) => Some((step, arguments.as_slice())),
            _ => None,
        });
        restores.next().context("a recording with a restore")
    }
}
