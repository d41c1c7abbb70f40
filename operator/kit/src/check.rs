//! `lateen actions check`: what a server would say about an action, and what the action is.
//!
//! The host loads the ConfigMap as it would in a cluster. What is told beyond its verdict comes from the manifest as it stands there and from the
//! component's own type.

mod written;

use std::path::Path;

use flate2::{Compression, read::GzEncoder};
use k8s_openapi::api::core::v1::ConfigMap;
use lateen_actions::{
    HostOptions, MANIFEST_KEY,
    compile::CompileOptions,
    inspection::Inspection,
    manifest::{Manifest, ManifestError},
};
use serde_json::Value;

use written::{flag, granted, matches, none_if_empty};

use crate::{
    KitError, Paint, Screen, Verdict,
    args::CheckArgs,
    delivery::{self, Delivery, Named},
    file, measure,
    pack::compress_zstd,
    screen::line,
    workbench::Workbench,
};

/// What every interface of the contract begins with.
const PACKAGE: &str = "lateen:item-action/";

/// Width of the names in front of values.
const LABEL: usize = 14;

/// Carries out the command.
pub(crate) async fn check(
    args: &CheckArgs,
    compile: &CompileOptions,
    screen: &mut Screen<'_>,
) -> Result<Verdict, KitError> {
    let mut verdict = Verdict::Good;
    for path in &args.paths {
        let sheets = match delivery::read(path, args.component.file.as_deref()) {
            Ok(Delivery::Component(bytes)) => vec![component(path, &bytes, compile).await?],
            Ok(Delivery::Actions(configmaps)) => actions(path, &configmaps, compile).await?,
            Err(error) => vec![Sheet::broken(path.display().to_string(), error.to_string())],
        };
        for sheet in sheets {
            if sheet.problem.is_some() {
                verdict = Verdict::Bad;
            }
            screen.say(&sheet.text(screen.paint))?;
        }
    }
    Ok(verdict)
}

/// What is told about one action or component.
#[derive(Debug, Default)]
struct Sheet {
    title: String,
    rows: Vec<(&'static str, String)>,
    problem: Option<String>,
}

impl Sheet {
    fn broken(title: String, problem: String) -> Self {
        Self { title, rows: Vec::new(), problem: Some(problem) }
    }

    fn row(&mut self, label: &'static str, value: impl Into<String>) {
        self.rows.push((label, value.into()));
    }

    fn text(&self, paint: Paint) -> String {
        let state = if self.problem.is_some() { paint.red("cannot be used") } else { paint.green("ok") };
        let mut text = format!("{}: {state}\n", paint.bold(&line(&self.title)));
        if let Some(problem) = &self.problem {
            text += &format!("  {} {}\n", paint.red("problem"), line(problem));
        }
        for (label, value) in &self.rows {
            text += &format!("  {}{}\n", paint.dim(&format!("{label:LABEL$}")), line(value));
        }
        text
    }
}

async fn component(path: &Path, bytes: &[u8], compile: &CompileOptions) -> Result<Sheet, KitError> {
    let bench = Workbench::load(&[], compile).await?;
    let inspection = match bench.host.inspect(bytes).await {
        Ok(inspection) => inspection,
        Err(error) => return Ok(Sheet::broken(path.display().to_string(), error.to_string())),
    };
    let mut sheet = Sheet { title: path.display().to_string(), ..Sheet::default() };
    sheet.row("size", sizes(bytes, inspection.size));
    sheet.row("digest", format!("sha256:{}", inspection.digest));
    let roles: Vec<String> = inspection.roles.iter().map(ToString::to_string).collect();
    sheet.row("can serve", none_if_empty(roles.join(", ")));
    interfaces(&mut sheet, &inspection);
    match &inspection.catalog {
        Ok(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                let label = if index == 0 { "entries" } else { "" };
                sheet.row(label, format!("{}  {}", entry.name, entry.summary));
            }
        }
        Err(reason) => sheet.row("entries", format!("its catalog does not answer: {reason}")),
    }
    Ok(sheet)
}

async fn actions(
    path: &Path,
    configmaps: &[ConfigMap],
    compile: &CompileOptions,
) -> Result<Vec<Sheet>, KitError> {
    let bench = Workbench::load(configmaps, compile).await?;
    let mut sheets = Vec::new();
    for report in &bench.reports {
        let found = configmaps.iter().find(|map| source_name(map) == report.source);
        let Some(configmap) = found else { continue };
        let mut sheet = Sheet { title: path.display().to_string(), ..Sheet::default() };
        if bench.reports.len() > 1 {
            sheet.title = format!("{} {}", sheet.title, report.source);
        }
        if let Err(problem) = &report.outcome {
            sheet.problem = Some(located(path, configmap, problem));
        }
        describe(&mut sheet, &bench, configmap).await;
        sheets.push(sheet);
    }
    Ok(sheets)
}

/// Everything that can be told, even where the action cannot be used.
async fn describe(sheet: &mut Sheet, bench: &Workbench, configmap: &ConfigMap) {
    let Some(text) = delivery::manifest(configmap) else { return };
    let ceiling = HostOptions::default().ceiling;
    let Ok(manifest) = Manifest::parse(text, ceiling) else { return };
    let written: Value = serde_yaml_ng::from_str(text).unwrap_or_default();
    let roles: Vec<String> = manifest.roles.iter().map(ToString::to_string).collect();
    sheet.row("name", &manifest.name);
    sheet.row("on", roles.join(", "));
    sheet.row("match", matches(&written["match"]));
    let named = Named::read(text);
    if let Some(engine) = &named.engine {
        sheet.row("engine", engine);
    }
    let bytes = named.key().and_then(|key| delivery::value(configmap, &key).map(|bytes| (key, bytes)));
    let digest = bench.info(&manifest.name).map(|info| info.digest).unwrap_or_default();
    if let Some((key, bytes)) = bytes {
        if named.component.is_none() {
            sheet.row("script", format!("{key}, {}", measure::bytes(bytes.len())));
        } else if let Ok(inspection) = bench.host.inspect(bytes).await {
            sheet.row("component", format!("{key}, {}", sizes(bytes, inspection.size)));
            if let Ok(entries) = &inspection.catalog
                && !entries.is_empty()
            {
                sheet.row("entry", format!("{} of {}", manifest.entry, entries.len()));
            }
            interfaces(sheet, &inspection);
        } else {
            sheet.row("component", format!("{key}, {}", measure::bytes(bytes.len())));
        }
    }
    if !digest.is_empty() {
        sheet.row("digest", format!("sha256:{digest}"));
    }
    let (memory, most) = (measure::bytes(manifest.memory), measure::bytes(ceiling.memory));
    let (time, longest) = (measure::time(manifest.time), measure::time(ceiling.time));
    sheet
        .row("limits", format!("memory {memory} (at most {most}), time {time} per call (at most {longest})"));
    sheet.row("capabilities", granted(&written["capabilities"]));
    for (index, rule) in written["capabilities"]["cluster"].as_array().into_iter().flatten().enumerate() {
        sheet.row(if index == 0 { "server flags" } else { "" }, flag(rule));
    }
    let policy = written["failurePolicy"].as_str().unwrap_or("fail-item");
    sheet.row("failurePolicy", format!("{policy}, order {}", manifest.order));
}

fn interfaces(sheet: &mut Sheet, inspection: &Inspection) {
    let short = |names: &[String]| {
        let plain = |name: &String| {
            let name = name.strip_prefix(PACKAGE).unwrap_or(name);
            name.split('@').next().unwrap_or_default().to_owned()
        };
        // Those of types alone have nothing to call.
        let mut callable: Vec<String> =
            names.iter().map(plain).filter(|name| !name.ends_with("types")).collect();
        callable.sort_unstable();
        none_if_empty(callable.join(", "))
    };
    let version = inspection.exports.iter().find_map(|name| name.strip_prefix(PACKAGE)?.split('@').nth(1));
    let version = version.map(|version| format!("  (contract {version})")).unwrap_or_default();
    sheet.row("exports", format!("{}{version}", short(&inspection.exports)));
    sheet.row("imports", short(&inspection.imports));
    let imports = |interface: &str| {
        inspection.imports.iter().any(|name| name.split('@').next() == Some(&format!("{PACKAGE}{interface}")))
    };
    sheet.row(
        "cluster",
        match (imports("cluster"), imports("cluster-write")) {
            (false, false) => "never asked",
            (true, false) => "reads it, as far as capabilities.cluster and the server's flags allow",
            (_, true) => "changes it, as far as capabilities.cluster and the server's flags allow",
        },
    );
}

/// Of what is delivered, unpacked, and with either way to pack it.
fn sizes(delivered: &[u8], unpacked: usize) -> String {
    if delivered.len() != unpacked {
        return format!("{}, unpacked {}", measure::bytes(delivered.len()), measure::bytes(unpacked));
    }
    let mut gzip = Vec::new();
    let gzip = std::io::Read::read_to_end(&mut GzEncoder::new(delivered, Compression::best()), &mut gzip);
    let gzip = gzip.map(measure::bytes).unwrap_or_default();
    let zstd = measure::bytes(compress_zstd(delivered).len());
    format!("{} (gzip {gzip}, zstd {zstd})", measure::bytes(unpacked))
}

fn source_name(configmap: &ConfigMap) -> String {
    let metadata = &configmap.metadata;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    format!("{}/{}", text(&metadata.namespace), text(&metadata.name))
}

/// The problem with its place in the manifest in front, where that is a file of its own and the place is known.
fn located(path: &Path, configmap: &ConfigMap, problem: &str) -> String {
    let manifest = if path.is_dir() { path.join(MANIFEST_KEY) } else { path.to_owned() };
    let Some(text) = delivery::manifest(configmap) else { return problem.to_owned() };
    // In a file of ConfigMaps the manifest does not begin in the first line.
    let own_file = std::fs::read_to_string(&manifest).is_ok_and(|file| file == text);
    let Err(error) = Manifest::parse(text, HostOptions::default().ceiling) else { return problem.to_owned() };
    match place(&error, text).filter(|_| own_file) {
        Some((line, column)) => {
            let message = error.to_string();
            file::at(&manifest, line, column, &message).to_string()
        }
        None => problem.to_owned(),
    }
}

/// Line and column, from 1.
#[allow(
    clippy::match_wildcard_for_single_variants,
    reason = "what has no place is not one variant, but whatever else there is"
)]
fn place(error: &ManifestError, text: &str) -> Option<(usize, usize)> {
    let key = match error {
        ManifestError::Shape(error) => {
            return error.location().map(|place| (place.line(), place.column()));
        }
        ManifestError::Name(_) => "name",
        ManifestError::NoRole => "on",
        ManifestError::NoResources | ManifestError::SecretsNotGranted => "resources",
        ManifestError::Pattern { field, .. } => field.rsplit('.').next()?,
        ManifestError::Measure { field, .. } | ManifestError::AboveCeiling { field, .. } => field,
        _ => return None,
    };
    let pattern = format!("{key}:");
    text.lines().enumerate().find_map(|(index, line)| Some((index + 1, line.find(&pattern)? + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_a_manifest_have_a_place() {
        let place_of = |text: &str| {
            let error = Manifest::parse(text, HostOptions::default().ceiling).unwrap_err();
            place(&error, text)
        };
        let good = "name: a.example/b\non: [backup]\nmatch:\n  resources: [pods]\ncomponent: a.wasm\n";
        assert_eq!(place_of(&good.replace("pods", "Pods")), Some((4, 3)));
        assert_eq!(place_of(&good.replace("a.example/b", "b")), Some((1, 1)));
        assert_eq!(place_of(&format!("{good}limits: {{memory: 9Gi}}\n")), Some((6, 10)));
        assert_eq!(place_of(&format!("{good}colour: red\n")).map(|(line, _)| line), Some(6));
    }
}
