//! What deserves a look, the gravest first: one section per fate, then what could not be asked, and what is no part of the restore.

use std::collections::BTreeMap;

use lateen_core::kind::GroupResource;
use lateen_core::restore::preview::{Fate, LeftOutPreview, Message, MessageLevel, ObjectPreview, Preview};
use lateen_kit::screen::line;

use super::differences;
use super::page::{Page, count, painted};

/// Objects that a section lists, unless all are asked for.
const LISTED: usize = 20;

pub(super) fn all(page: &mut Page, preview: &Preview) {
    let details = page.view.details;
    objects(page, preview, Fate::Refuse, "Refused", "would fail and be told as errors");
    objects(page, preview, Fate::Unknown, "Unknown", "");
    objects(page, preview, Fate::Differs, "Different", "exist, and would stay as they are");
    objects(page, preview, Fate::Update, "Updated", "would be made what the backup has");
    if details {
        objects(page, preview, Fate::Create, "Created", "");
        objects(page, preview, Fate::Unchanged, "Unchanged", "are what the backup has");
        objects(page, preview, Fate::Skip, "Skipped", "");
    } else {
        skipped(page, preview);
    }
    hooks(page, preview);
    messages(page, preview);
    unverified(page, preview);
    rights(page, preview);
    left_out(page, &preview.left_out);
}

fn objects(page: &mut Page, preview: &Preview, fate: Fate, title: &str, remark: &str) {
    let all: Vec<_> = preview.objects().filter(|(_, object)| object.fate == fate).collect();
    if all.is_empty() {
        return;
    }
    page.heading(title, remark);
    let shown = if page.view.details { all.len() } else { LISTED };
    for (kind, object) in all.iter().take(shown) {
        one(page, kind, object);
    }
    if all.len() > shown {
        let rest = all.len() - shown;
        page.line(&page.view.paint.dim(&format!("    and {rest} more; --details lists all of them")));
    }
}

fn one(page: &mut Page, kind: &GroupResource, object: &ObjectPreview) {
    let mut text = format!("{} {}", line(&kind.to_string()), line(&object.place().to_string()));
    if let Some(from) = &object.from {
        text.push_str(&page.view.paint.dim(&format!(" (from {})", line(&from.to_string()))));
    }
    if let Some(difference) = object.difference.as_ref().filter(|_| !page.view.diff) {
        text.push_str(&format!(": {}", differences::brief(difference)));
    }
    page.item(object.fate, &text);
    let reasons = object.reason.iter().chain(&object.unverified);
    for reason in reasons {
        page.note(&line(reason));
    }
    if let Some(difference) = object.difference.as_ref().filter(|_| page.view.diff) {
        let text = differences::full(object, difference, page.view.paint);
        page.block(&text);
    }
}

/// What is skipped is rarely of interest one by one: kinds by reason.
fn skipped(page: &mut Page, preview: &Preview) {
    let mut reasons: BTreeMap<&str, BTreeMap<&GroupResource, u64>> = BTreeMap::new();
    for (kind, object) in preview.objects().filter(|(_, object)| object.fate == Fate::Skip) {
        let reason = object.reason.as_deref().unwrap_or("for no reason that was told");
        *reasons.entry(reason).or_default().entry(kind).or_default() += 1;
    }
    if !reasons.is_empty() {
        page.heading("Skipped", "would be left out by a rule or an action");
        by_reason(page, reasons);
    }
}

fn left_out(page: &mut Page, left_out: &[LeftOutPreview]) {
    for (error, title, remark) in [
        (true, "Missing", "asked for, and cannot be restored"),
        (false, "Left out", "in the backup, and no part of the restore"),
    ] {
        let mut reasons: BTreeMap<&str, BTreeMap<&GroupResource, u64>> = BTreeMap::new();
        for entry in left_out.iter().filter(|entry| entry.error == error) {
            let kinds = reasons.entry(&entry.reason).or_default();
            *kinds.entry(&entry.resource).or_default() += entry.objects;
        }
        if !reasons.is_empty() {
            page.heading(title, remark);
            by_reason(page, reasons);
        }
    }
}

fn by_reason(page: &mut Page, reasons: BTreeMap<&str, BTreeMap<&GroupResource, u64>>) {
    for (reason, kinds) in reasons {
        let kinds: Vec<String> =
            kinds.iter().map(|(kind, number)| format!("{number} {}", line(&kind.to_string()))).collect();
        page.sentence(&format!("{}: {}", kinds.join(", "), line(reason)));
    }
}

/// Commands, by the pods in which they would be run.
fn hooks(page: &mut Page, preview: &Preview) {
    let pods: Vec<_> = preview.objects().filter(|(_, object)| !object.hooks.is_empty()).collect();
    if pods.is_empty() {
        return;
    }
    page.heading("Hooks", "commands in pods, once their containers run");
    let shown = if page.view.details { pods.len() } else { LISTED };
    for (_, pod) in pods.iter().take(shown) {
        page.line(&format!("  {}", line(&pod.place().to_string())));
        for hook in &pod.hooks {
            let container = if hook.container.is_empty() { "its first container" } else { &hook.container };
            page.note(&line(&format!("{} in {container}: {}", hook.name, hook.command.join(" "))));
        }
    }
    if pods.len() > shown {
        let rest = pods.len() - shown;
        page.line(&page.view.paint.dim(&format!("    and {rest} more pods; --details lists all of them")));
    }
}

/// Messages about objects that are told nowhere else, and about no object at all.
fn messages(page: &mut Page, preview: &Preview) {
    let quiet = [Fate::Refuse, Fate::Differs];
    let about = preview.objects().filter(|(_, object)| !quiet.contains(&object.fate));
    let about = about.flat_map(|(_, object)| {
        object.messages.iter().filter(|message| object.reason.as_ref() != Some(&message.text))
    });
    let others = preview.others.iter().map(|remark| (remark.namespace.as_deref(), &remark.message));
    let all: Vec<_> = others.chain(about.map(|message| (None, message))).collect();
    if all.is_empty() {
        return;
    }
    page.heading("Messages", "that the restore would leave in its results as well");
    let paint = page.view.paint;
    for (namespace, Message { level, text }) in all {
        let level = match level {
            MessageLevel::Error => paint.red("error"),
            MessageLevel::Warning => paint.yellow("warning"),
        };
        let place = namespace.map(|name| format!(" in {}", line(name))).unwrap_or_default();
        page.sentence(&format!("{level}{place}: {}", line(text)));
    }
}

fn unverified(page: &mut Page, preview: &Preview) {
    let reasons = preview.unverified();
    if reasons.is_empty() {
        return;
    }
    page.heading("Not checked", "what the API server would say to them is not known");
    for (reason, number) in reasons {
        page.sentence(&format!("{}: {}", count(number, "object"), line(reason)));
    }
}

fn rights(page: &mut Page, preview: &Preview) {
    if preview.missing_rights.is_empty() {
        return;
    }
    page.heading("Rights", "that you lack; the server may have them");
    for right in &preview.missing_rights {
        let place = right.namespace.as_ref().map(|name| format!(" in {}", line(name))).unwrap_or_default();
        let resource = right.resource.to_string();
        let text = format!("{} {}{place} ({})", right.verb, line(&resource), count(right.objects, "object"));
        let text = painted(page.view.paint, Fate::Unknown, &text);
        page.line(&format!("  {text}"));
    }
}
