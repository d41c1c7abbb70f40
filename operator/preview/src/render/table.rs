//! The table: a row per kind in the order of the restore, a column per fate that occurs.

use lateen_core::restore::preview::{Counts, Fate, KindPreview, Preview};
use lateen_kit::screen::line;

use super::page::{Page, painted};

/// Between columns.
const GAP: usize = 2;

/// How a fate is called at the head of its column.
fn head(fate: Fate) -> &'static str {
    match fate {
        Fate::Create => "create",
        Fate::Update => "update",
        Fate::Unchanged => "unchanged",
        Fate::Differs => "differs",
        Fate::Skip => "skip",
        Fate::Refuse => "refuse",
        Fate::Unknown => "unknown",
    }
}

pub(super) fn objects(page: &mut Page, preview: &Preview) {
    if preview.kinds.is_empty() {
        page.heading("Objects", "none of the backup is part of the restore");
        return;
    }
    let fates: Vec<Fate> = Fate::ALL.into_iter().filter(|fate| preview.totals.of(*fate) > 0).collect();
    let rows: Vec<(String, &Counts)> = preview.kinds.iter().map(|kind| (title(kind), &kind.counts)).collect();
    let numbers: usize = fates.iter().map(|fate| head(*fate).len() + GAP).sum();
    let room = page.view.width.saturating_sub(numbers + GAP);
    let names = rows.iter().map(|(name, _)| name.chars().count()).filter(|length| *length <= room).max();
    // "Objects" stands above the names, two columns before them.
    let width = names.unwrap_or_default().max("Objects".len() - GAP);
    let mut heads = page.view.paint.bold(&format!("{:width$}", "Objects", width = width + GAP));
    for fate in &fates {
        let text = format!("{:>width$}", head(*fate), width = head(*fate).len() + GAP);
        heads.push_str(&painted(page.view.paint, *fate, &text));
    }
    page.line("");
    page.line(&heads);
    for (name, counts) in &rows {
        // A name is what people search for: one that is too long is not cut, but has a line of its own.
        let name = if name.chars().count() > width {
            page.line(&format!("  {name}"));
            ""
        } else {
            name
        };
        page.line(&format!("  {name:width$}{}", numbers_of(page, &fates, counts)));
    }
    if rows.len() > 1 {
        let all = page.view.paint.bold(&format!("{:width$}", "all"));
        page.line(&format!("  {all}{}", numbers_of(page, &fates, &preview.totals)));
    }
    if preview.totals.unverified > 0 {
        page.line(&page.view.paint.dim("  * not all of them could be checked beforehand: see below"));
    }
}

fn title(kind: &KindPreview) -> String {
    let unverified = if kind.counts.unverified > 0 { "*" } else { "" };
    let pending = if kind.pending { " (not served yet)" } else { "" };
    format!("{}{unverified}{pending}", line(&kind.resource.to_string()))
}

fn numbers_of(page: &Page, fates: &[Fate], counts: &Counts) -> String {
    let mut text = String::new();
    for fate in fates {
        let width = head(*fate).len() + GAP;
        let number = match counts.of(*fate) {
            0 => page.view.paint.dim(&format!("{:>width$}", "-")),
            number => painted(page.view.paint, *fate, &format!("{number:>width$}")),
        };
        text.push_str(&number);
    }
    text
}
