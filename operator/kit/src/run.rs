//! `lateen actions run`: takes items through one action and shows what it does to them.

mod show;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{HostOptions, Role, Subject, compile::CompileOptions, manifest::Manifest};
use serde_json::Value;

use crate::{
    KitError, Paint, Screen, Verdict,
    args::{Output, RunArgs},
    delivery::{self, Delivery, Named},
    file,
    folder_cluster::FolderCluster,
    item::{self, Item, ItemOptions},
    measure,
    screen::line,
    secret,
    workbench::{Outcome, RunSettings, Spent, Trial, Workbench},
};

/// Carries out the command.
pub(crate) async fn run(
    args: &RunArgs,
    compile: &CompileOptions,
    screen: &mut Screen<'_>,
) -> Result<Verdict, KitError> {
    let (action, bench) = load(args, compile).await?;
    let items = items(args, action.role)?;
    if let Err(problem) = &action.usable {
        screen.remark(&format!("{} {}", screen.paint.red("the action cannot be used:"), line(problem)))?;
        return Ok(Verdict::Bad);
    }
    let cluster = args.cluster.as_deref().map(FolderCluster::read).transpose()?.map(Arc::new);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut trial = bench.run(&RunSettings {
        role: action.role,
        name: args.run_name.clone(),
        features: args.features.clone(),
        started_ms: started.as_millis() as u64,
        fixed: None,
        cluster,
    });
    let mut sum = Sum::default();
    for item in &items {
        let called = call(&mut trial, item, args.repeat).await;
        sum.add(item, &called);
        if called.outcome.spent.uncalled {
            let why = why_not(&action.manifest, item);
            let text = format!(
                "{} not called for {}: {why}",
                screen.paint.yellow("note"),
                line(&item.subject.to_string())
            );
            screen.remark(&text)?;
        }
        show::show(args, &action, item, &called, screen)?;
    }
    let failed = sum.failed > 0;
    let footer = sum.text(args, &action, screen.paint);
    screen.remark(&footer)?;
    Ok(if failed { Verdict::Bad } else { Verdict::Good })
}

/// The action of this command.
struct Chosen {
    manifest: Manifest,
    role: Role,
    usable: Result<(), String>,
}

async fn load(args: &RunArgs, compile: &CompileOptions) -> Result<(Chosen, Workbench), KitError> {
    let path = &args.path;
    let Delivery::Actions(mut maps) = delivery::read(path, args.component.file.as_deref())? else {
        return Err(KitError::Usage(format!(
            "{} is a component; give the folder of its action.yaml, and --component {0}",
            path.display()
        )));
    };
    let wanted = choose(&maps, args.action.as_deref(), path)?;
    maps.retain(|map| delivery::manifest(map).is_none_or(|text| Named::read(text).name == wanted));
    for map in maps.iter_mut().filter(|map| delivery::manifest(map).is_some()) {
        delivery::set_params(map, &args.params)?;
    }
    let text = maps.iter().find_map(delivery::manifest).unwrap_or_default();
    let manifest = Manifest::parse(text, HostOptions::default().ceiling)
        .map_err(|error| KitError::Content(format!("{}: {error}", path.display())))?;
    let role = role(args, &manifest)?;
    let bench = Workbench::load(&maps, compile).await?;
    let problem = bench.reports.iter().find_map(|report| report.outcome.as_ref().err());
    let usable = problem.map_or(Ok(()), |problem| Err(problem.clone()));
    Ok((Chosen { manifest, role, usable }, bench))
}

/// The name of the one action that is meant.
fn choose(maps: &[ConfigMap], wanted: Option<&str>, path: &Path) -> Result<String, KitError> {
    let names: Vec<String> =
        maps.iter().filter_map(delivery::manifest).map(|text| Named::read(text).name).collect();
    match (wanted, names.as_slice()) {
        (Some(wanted), _) if names.iter().any(|name| name == wanted) => Ok(wanted.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(KitError::Content(format!("{} has no action", path.display()))),
        (wanted, _) => {
            let problem = match wanted {
                Some(wanted) => format!("has no action {wanted}"),
                None => "has several actions; say which with --action".to_owned(),
            };
            Err(KitError::Usage(format!("{} {problem}; there is {}", path.display(), names.join(", "))))
        }
    }
}

fn role(args: &RunArgs, manifest: &Manifest) -> Result<Role, KitError> {
    let Some(wanted) = args.on.map(Role::from) else {
        // A manifest without roles is none.
        return manifest.roles.first().copied().ok_or_else(|| KitError::Usage("give --on".to_owned()));
    };
    if manifest.roles.contains(&wanted) {
        return Ok(wanted);
    }
    let roles: Vec<String> = manifest.roles.iter().map(ToString::to_string).collect();
    let text = format!("--on {wanted}: the manifest of {} says `on: [{}]`", manifest.name, roles.join(", "));
    Err(KitError::Usage(text))
}

fn items(args: &RunArgs, role: Role) -> Result<Vec<Item>, KitError> {
    let options =
        ItemOptions { resource: args.resource.clone(), target_namespace: args.target_namespace.clone() };
    if role != Role::Restore && (args.original.is_some() || args.target_namespace.is_some()) {
        return Err(KitError::Usage("--original and --target-namespace are for --on restore".to_owned()));
    }
    let objects = item::objects(&args.item)?;
    if objects.is_empty() {
        return Err(KitError::Content(format!("{} has no item", args.item.display())));
    }
    let mut original = args.original.as_deref().map(file::document).transpose()?;
    if original.is_some() && objects.len() > 1 {
        return Err(KitError::Usage("--original is for one item, and there are several".to_owned()));
    }
    let item = |(index, object): (usize, Value)| {
        Item::new(object, original.take(), role, &options).map_err(|problem| {
            KitError::Content(format!("{}: item {}: {problem}", args.item.display(), index + 1))
        })
    };
    objects.into_iter().enumerate().map(item).collect()
}

/// What calling an action about one item has shown.
struct Called {
    /// Of the first call.
    outcome: Outcome,
    /// Of every call.
    times: Vec<Duration>,
    /// The first call that came out differently, from 2.
    differs: Option<usize>,
    memory: usize,
}

async fn call(trial: &mut Trial, item: &Item, repeat: u32) -> Called {
    let outcome = trial.take(item).await;
    let Spent { call, memory, uncalled, .. } = outcome.spent;
    let mut called = Called { times: vec![call], memory, differs: None, outcome };
    for number in 2..=repeat as usize {
        // What fails would soon be disabled, and what is not called takes no time.
        if called.outcome.error.is_some() || uncalled {
            break;
        }
        let again = trial.take(item).await;
        called.times.push(again.spent.call);
        called.memory = called.memory.max(again.spent.memory);
        if !again.same_as(&called.outcome) {
            called.differs.get_or_insert(number);
        }
        if again.error.is_some() {
            called.outcome.error = again.error;
        }
    }
    called
}

/// Why the manifest does not cover an item.
fn why_not(manifest: &Manifest, item: &Item) -> String {
    let Subject { group, resource, namespace, .. } = &item.subject;
    let matcher = &manifest.matcher;
    if !matcher.resources.matches(group, resource) {
        let kind = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
        return format!("match.resources does not cover {kind}");
    }
    if !matcher.namespaces.matches(namespace.as_deref()) {
        return match namespace {
            Some(namespace) => format!("match.namespaces does not cover {namespace}"),
            None => "match.namespaces covers only items with a namespace".to_owned(),
        };
    }
    "match.labelSelector does not fit its labels".to_owned()
}

/// The footer.
#[derive(Default)]
struct Sum {
    items: usize,
    changed: usize,
    skipped: usize,
    failed: usize,
    uncalled: usize,
    secrets: usize,
    guessed: Vec<String>,
    times: Vec<Duration>,
    start: Option<Duration>,
    memory: usize,
}

impl Sum {
    fn add(&mut self, item: &Item, called: &Called) {
        let Called { outcome, times, memory, .. } = called;
        self.items += 1;
        self.changed += usize::from(outcome.item != item.value);
        self.skipped += usize::from(outcome.skip.is_some());
        self.failed += usize::from(outcome.error.is_some());
        self.uncalled += usize::from(outcome.spent.uncalled);
        self.secrets += usize::from(secret::is_secret(&item.value));
        let plural = &item.subject.resource;
        if item.guessed && !self.guessed.contains(plural) {
            self.guessed.push(plural.clone());
        }
        if !outcome.spent.uncalled {
            self.times.extend(times);
        }
        self.start = self.start.max(outcome.spent.start);
        self.memory = self.memory.max(*memory);
    }

    fn text(mut self, args: &RunArgs, action: &Chosen, paint: Paint) -> String {
        let mut parts = vec![measure::count(self.items, "item")];
        let counts = [
            (self.changed, "changed"),
            (self.skipped, "left out"),
            (self.failed, "failed"),
            (self.uncalled, "not called for"),
        ];
        parts.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        let mut text = String::new();
        if !self.guessed.is_empty() {
            let plurals = self.guessed.join(", ");
            text += &format!(
                "{} the plural {plurals} is a guess; --resource PLURAL.GROUP says it\n",
                paint.yellow("note")
            );
        }
        if self.secrets > 0 && !args.show_secrets {
            text += &format!(
                "{} values of Secrets are masked; --show-secrets shows them\n",
                paint.yellow("note")
            );
        }
        self.times.sort_unstable();
        let mut costs = Vec::new();
        costs.extend(self.start.map(|start| format!("start {}", measure::time(start))));
        if let [only] = self.times[..] {
            costs.push(format!("call {}", measure::time(only)));
        } else if let (Some(least), Some(most)) = (self.times.first(), self.times.last()) {
            let median = self.times[self.times.len() / 2];
            let [least, median, most] = [*least, median, *most].map(measure::time);
            costs.push(format!("{} calls of {median} ({least} to {most})", self.times.len()));
        }
        if self.memory > 0 {
            let (memory, limit) = (measure::bytes(self.memory), measure::bytes(action.manifest.memory));
            costs.push(format!("memory {memory} of {limit}"));
        }
        parts.push(costs.join(", "));
        parts.retain(|part| !part.is_empty());
        text + &paint.dim(&format!("{}: {}", action.manifest.name, parts.join(", ")))
    }
}

/// Whether results are for a program.
fn is_for_programs(args: &RunArgs) -> bool {
    args.output != Output::Diff
}
