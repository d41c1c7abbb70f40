//! A preview as text for people: first what it is about, then a table of all kinds, then whatever deserves a look, and the verdict at the
//! end, where a terminal leaves the eye.
//!
//! Pure. Names and messages are hostile: nothing of them reaches a terminal that it would obey.

mod differences;
mod page;
mod sections;
mod table;

use lateen_core::restore::preview::{BackupSummary, Fate, NamespaceFate, NamespacePreview, Preview, Verdict};
use lateen_kit::screen::{Paint, line};

use page::Page;

/// How a preview is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Colours, or none.
    pub(crate) paint: Paint,
    /// Columns.
    pub(crate) width: usize,
    /// Every object is listed.
    pub(crate) details: bool,
    /// Differences are shown, and not only where they are.
    pub(crate) diff: bool,
}

/// The whole text.
pub(crate) fn text(preview: &Preview, view: View) -> String {
    let mut page = Page::new(view);
    head(&mut page, preview);
    namespaces(&mut page, &preview.namespaces);
    table::objects(&mut page, preview);
    sections::all(&mut page, preview);
    verdict(&mut page, preview);
    page.end()
}

fn head(page: &mut Page, preview: &Preview) {
    let BackupSummary { name, phase, location, started, schedule } = &preview.backup;
    let paint = page.view.paint;
    page.line(
        &paint.bold(&format!(
            "What a restore of backup {} would do now. Nothing has been changed.",
            line(name)
        )),
    );
    let begun = if started.is_empty() { String::new() } else { format!(", begun {}", line(started)) };
    let by = if schedule.is_empty() { String::new() } else { format!(", of schedule {}", line(schedule)) };
    page.paragraph(&format!("The backup is {}{begun}{by}, in location {}.", line(phase), line(location)));
    page.paragraph(match preview.existing_resource_policy {
        "update" => {
            "Objects that exist and differ are made what the backup has (existing resource policy update)."
        }
        _ => "Objects that exist stay as they are (existing resource policy none).",
    });
    if let Some(reason) = &preview.breaks_off {
        page.line("");
        page.line(&paint.red("The restore would break off:"));
        page.sentence(&line(reason));
    }
}

fn namespaces(page: &mut Page, namespaces: &[NamespacePreview]) {
    let shown = |namespace: &&NamespacePreview| {
        page.view.details || namespace.fate != NamespaceFate::Exists || namespace.from.is_some()
    };
    let shown: Vec<&NamespacePreview> = namespaces.iter().filter(shown).collect();
    if shown.is_empty() {
        return;
    }
    page.heading("Namespaces", "");
    let names: Vec<String> = shown
        .iter()
        .map(|namespace| match &namespace.from {
            Some(from) => format!("{} (from {})", line(&namespace.name), line(from)),
            None => line(&namespace.name).into_owned(),
        })
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    for (namespace, name) in shown.iter().zip(&names) {
        let (fate, text) = match namespace.fate {
            NamespaceFate::Create if namespace.in_backup => (Fate::Create, "is made as the backup has it"),
            NamespaceFate::Create => {
                (Fate::Create, "is made bare: the backup has objects in it, but not itself")
            }
            NamespaceFate::Exists => (Fate::Unchanged, "exists"),
            NamespaceFate::Terminating => {
                (Fate::Unknown, "is going away; the restore waits and makes it again")
            }
            NamespaceFate::Refuse => (Fate::Refuse, "cannot be made"),
            NamespaceFate::Unknown => (Fate::Unknown, "nobody can say"),
        };
        let reason =
            namespace.reason.as_ref().map(|reason| format!(": {}", line(reason))).unwrap_or_default();
        page.item(fate, &format!("{name:width$}  {text}{reason}"));
    }
}

/// The sum of it, and the last line.
fn verdict(page: &mut Page, preview: &Preview) {
    let counts = &preview.totals;
    let made = preview.namespaces.iter().filter(|namespace| namespace.fate == NamespaceFate::Create).count();
    let all = [
        (counts.create, "created"),
        (counts.update, "updated"),
        (counts.unchanged, "found as they should be"),
        (counts.differs, "left different"),
        (counts.skip, "skipped"),
        (counts.refuse, "refused"),
        (counts.unknown, "unknown"),
    ];
    let parts = all.into_iter().filter(|(number, _)| *number > 0);
    let mut parts: Vec<String> = parts.map(|(number, what)| format!("{number} {what}")).collect();
    if made > 0 {
        parts.push(format!("{} made", page::count(made as u64, "namespace")));
    }
    let parts = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") };
    let paint = page.view.paint;
    let word = match preview.verdict {
        Verdict::Good => paint.green("Nothing would fail."),
        Verdict::Incomplete => paint.yellow(
            "Nothing that could be asked would fail, but your rights do not allow to ask everything.",
        ),
        Verdict::WouldFail => paint.red("Something would fail."),
    };
    page.line("");
    page.paragraph(&format!("{}: {parts}.", page::count(counts.total(), "object")));
    page.line(&word);
}

#[cfg(test)]
mod tests;
