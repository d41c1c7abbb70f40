//! `lateen actions test`: golden cases, each run several times in ways that must not matter.
//!
//! A case runs on a fresh instance, then on instances that others have used, in an order made by chance, and once more with an integer in it that is
//! no 64-bit float. The clock stands still and chance repeats itself. The cluster is the case's folder `cluster`;
//! without one there is none, and what asks for it is refused.

mod judge;
mod order;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lateen_actions::{
    FixedEnvironment, HostOptions, Role, compile::CompileOptions, limits, manifest::Manifest,
};

use crate::{
    KitError, Screen, Verdict,
    args::TestArgs,
    case::{self, Case},
    delivery::{self, Delivery},
    item::{self, Item, ItemOptions},
    measure,
    screen::{line, lines},
    workbench::{Outcome, RunSettings, Workbench},
};

/// Carries out the command.
pub(crate) async fn test(
    args: &TestArgs,
    compile: &CompileOptions,
    screen: &mut Screen<'_>,
) -> Result<Verdict, KitError> {
    let began = Instant::now();
    let mut work: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    for path in &args.paths {
        for action in case::actions(path)? {
            let cases = case::cases(&action, args.filter.as_deref())?;
            work.push((action, cases));
        }
    }
    let count: usize = work.iter().map(|(_, cases)| cases.len()).sum();
    if count == 0 {
        return Err(no_cases(args, &work));
    }
    screen.say(&format!("running {}, seed {}\n", measure::count(count, "case"), args.seed))?;
    let mut sum = Sum::default();
    for (action, cases) in work.iter().filter(|(_, cases)| !cases.is_empty()) {
        run_action((args, compile), action, cases, &mut sum, screen).await?;
    }
    sum.tell(began.elapsed(), screen)
}

fn no_cases(args: &TestArgs, work: &[(PathBuf, Vec<PathBuf>)]) -> KitError {
    let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
    let paths = paths.join(", ");
    KitError::Usage(match &args.filter {
        Some(filter) if !work.is_empty() => format!("no case below {paths} has {filter:?} in its name"),
        _ if work.is_empty() => format!("no action.yaml at or below {paths}"),
        _ => format!(
            "no cases below {paths}; a case is a folder <action>/cases/<case> with item.yaml and expected.yaml"
        ),
    })
}

/// What became of the cases.
#[derive(Default)]
struct Sum {
    passed: usize,
    updated: usize,
    failures: Vec<(String, Vec<String>)>,
}

impl Sum {
    fn tell(self, time: Duration, screen: &mut Screen<'_>) -> Result<Verdict, KitError> {
        let paint = screen.paint;
        let mut text = String::new();
        for (name, problems) in &self.failures {
            text += &format!("\n{}\n", paint.bold(&format!("---- {name}")));
            for problem in problems {
                text += problem.trim_end();
                text.push('\n');
            }
        }
        let good = self.failures.is_empty();
        let result = if good { paint.green("ok") } else { paint.red("FAILED") };
        let updated = if self.updated > 0 { format!("{} updated; ", self.updated) } else { String::new() };
        text += &format!(
            "\ntest result: {result}. {} passed; {} failed; {updated}finished in {}\n",
            self.passed,
            self.failures.len(),
            measure::time(time)
        );
        screen.say(&text)?;
        Ok(if good { Verdict::Good } else { Verdict::Bad })
    }
}

/// A case, ready to be run.
struct Job {
    case: Case,
    item: Item,
    settings: RunSettings,
}

async fn run_action(
    (args, compile): (&TestArgs, &CompileOptions),
    action: &Path,
    cases: &[PathBuf],
    sum: &mut Sum,
    screen: &mut Screen<'_>,
) -> Result<(), KitError> {
    let title = case::name(action);
    let Delivery::Actions(maps) = delivery::read(action, args.component.file.as_deref())? else {
        return Ok(());
    };
    let text = maps.iter().find_map(delivery::manifest).unwrap_or_default();
    let manifest = Manifest::parse(text, HostOptions::default().ceiling);
    let bench = Workbench::load(&maps, compile).await?;
    let broken = bench.reports.iter().find_map(|report| report.outcome.clone().err());
    let first = manifest.ok().and_then(|manifest| manifest.roles.first().copied()).unwrap_or(Role::Backup);

    let mut jobs = Vec::new();
    for folder in cases {
        let name = format!("{title}/{}", case::name(folder));
        match broken.clone().map_or_else(|| Job::read(folder, first, args.seed), Err) {
            Ok(job) => jobs.push(job),
            Err(problem) => sum.fail(name, vec![line(&problem).into_owned()], screen)?,
        }
    }
    let fresh = run_fresh(&bench, &jobs).await;
    let reused = run_reused(&bench, &jobs, &fresh, args.seed).await;
    for ((job, outcome), reused) in jobs.iter().zip(&fresh).zip(reused) {
        let name = format!("{title}/{}", job.case.name);
        let mut problems = judge::compare(&job.case, &job.item, outcome, screen.paint);
        let mut updated = None;
        if !problems.is_empty() && args.update {
            updated = Some(job.case.write(&judge::expectation(&job.item, outcome), &outcome.related)?);
            problems = judge::compare(&Case::read(&job.case.folder)?, &job.item, outcome, screen.paint);
        }
        problems.extend(reused);
        problems.extend(probe(&bench, job, outcome).await);
        match updated {
            _ if !problems.is_empty() => sum.fail(name, problems, screen)?,
            Some(file) => sum.update(&name, file, screen)?,
            None => sum.pass(&name, outcome, screen)?,
        }
    }
    Ok(())
}

impl Sum {
    fn pass(&mut self, name: &str, outcome: &Outcome, screen: &mut Screen<'_>) -> Result<(), KitError> {
        self.passed += 1;
        let time = screen.paint.dim(&format!("({})", measure::time(outcome.spent.call)));
        Ok(screen.say(&format!("case {} ... {} {time}", line(name), screen.paint.green("ok")))?)
    }

    fn update(&mut self, name: &str, file: &str, screen: &mut Screen<'_>) -> Result<(), KitError> {
        self.passed += 1;
        self.updated += 1;
        let updated = screen.paint.yellow(&format!("updated, wrote {file}"));
        Ok(screen.say(&format!("case {} ... {updated}", line(name)))?)
    }

    fn fail(&mut self, name: String, problems: Vec<String>, screen: &mut Screen<'_>) -> Result<(), KitError> {
        let name = line(&name).into_owned();
        screen.say(&format!("case {name} ... {}", screen.paint.red("FAILED")))?;
        self.failures.push((name, problems));
        Ok(())
    }
}

impl Job {
    fn read(folder: &Path, first: Role, seed: u64) -> Result<Self, String> {
        let case = Case::read(folder).map_err(|error| error.to_string())?;
        let run = &case.run;
        let role = run.purpose.unwrap_or(first);
        let options =
            ItemOptions { resource: run.resource.clone(), target_namespace: run.target_namespace.clone() };
        let item = Item::new(case.item.clone(), case.original.clone(), role, &options)
            .map_err(|problem| format!("{}: {problem}", folder.join(case::ITEM).display()))?;
        let settings = RunSettings {
            role,
            name: run.name.clone(),
            features: run.features.clone(),
            started_ms: run.started_ms,
            fixed: Some(FixedEnvironment { now_ms: run.started_ms, seed }),
            cluster: case.cluster.clone(),
        };
        Ok(Self { case, item, settings })
    }
}

async fn run_fresh(bench: &Workbench, jobs: &[Job]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for job in jobs {
        outcomes.push(bench.run(&job.settings).take(&job.item).await);
    }
    outcomes
}

/// Runs all cases twice on instances that go from case to case, as far as their runs are the same, and says where something else came out.
async fn run_reused(bench: &Workbench, jobs: &[Job], fresh: &[Outcome], seed: u64) -> Vec<Vec<String>> {
    let mut problems: Vec<Vec<String>> = jobs.iter().map(|_| Vec::new()).collect();
    let mut left: Vec<usize> = (0..jobs.len()).collect();
    while let Some(first) = left.first() {
        let settings = &jobs[*first].settings;
        let (group, rest): (Vec<usize>, Vec<usize>) =
            left.iter().copied().partition(|index| jobs[*index].settings == *settings);
        let mut trial = bench.run(settings);
        let (mut calls, mut failures) = (0, 0);
        for round in 0..2 {
            for index in order::shuffled(&group, seed.wrapping_add(round)) {
                let outcome = trial.take(&jobs[index].item).await;
                if !outcome.same_as(&fresh[index]) && problems[index].is_empty() {
                    problems[index].push(judge::differs(&fresh[index], &outcome, calls));
                }
                calls += 1;
                failures += u32::from(outcome.error.is_some());
                // One more may be the trap that disables the action.
                if failures + 1 == limits::TRAPS {
                    trial = bench.run(settings);
                    (calls, failures) = (0, 0);
                }
            }
        }
        left = rest;
    }
    problems
}

/// Runs a case with an integer that a float would damage; where the item is left out or fails there is nothing to see.
async fn probe(bench: &Workbench, job: &Job, outcome: &Outcome) -> Option<String> {
    let writes = matches!(job.settings.role, Role::Backup | Role::Restore);
    if !writes || !job.case.run.probe || outcome.error.is_some() || outcome.skip.is_some() {
        return None;
    }
    let mut item = job.item.clone();
    item::plant(&mut item.value);
    item::plant(&mut item.original);
    let mut probed = bench.run(&job.settings).take(&item).await;
    if let Some(reason) = &probed.error {
        let text =
            format!("with the integer {} in a field that was added the action fails: {reason}", item::PROBE);
        return Some(lines(&text).into_owned());
    }
    let problem = item::harvest(&mut probed.item).err()?;
    Some(format!("{problem}; answer with a patch, or say `probe: false` in run.yaml if that is meant"))
}
