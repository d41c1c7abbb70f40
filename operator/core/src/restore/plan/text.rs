//! A plan as text: what will happen, in order, and what will not.

use std::fmt::Write as _;

use super::{Group, LeftOut, RestorePlan, Tier};

/// The whole plan, one line per group of objects.
pub(super) fn render(plan: &RestorePlan) -> String {
    let mut out = String::new();
    let mut number = 0;
    let mut step = |out: &mut String, title: &str| {
        number += 1;
        let _ = writeln!(out, "{number}. {title}");
    };
    if let Some(tier) = &plan.definitions {
        step(&mut out, &format!("{} (then wait until they are established)", title(tier)));
        groups(&mut out, tier);
    }
    if !plan.namespaces.is_empty() {
        step(&mut out, "namespaces");
        for namespace in &plan.namespaces {
            let origin = if namespace.object.is_some() { "from the backup" } else { "bare" };
            let _ = writeln!(out, "   {} ({origin})", arrow(&namespace.source, &namespace.target));
        }
    }
    for tier in &plan.tiers {
        step(&mut out, &title(tier));
        groups(&mut out, tier);
    }
    if !plan.left_out.is_empty() {
        out.push_str("left out:\n");
        for left_out in &plan.left_out {
            let _ = writeln!(out, "   {}", line(left_out));
        }
    }
    out
}

/// What is left out and why, in one line.
fn line(left_out: &LeftOut) -> String {
    let LeftOut { kind, namespace, name, items, reason } = left_out;
    let place = namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let what = match name {
        Some(name) => format!("{kind} {name}{place}"),
        None => format!("{items} of {kind}{place}"),
    };
    let mark = match reason {
        reason if reason.is_error() => "error: ",
        reason if reason.is_warning() => "warning: ",
        _ => "",
    };
    printable(&format!("{mark}{what}: {}", reason.text()))
}

/// Names come from an archive that anybody may have written: what would steer a terminal is shown as what it is.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

impl LeftOut {
    /// For the log and the results.
    pub fn text(&self) -> String {
        line(self)
    }
}

fn title(tier: &Tier) -> String {
    if tier.pending { format!("{} (not served yet)", tier.kind) } else { tier.kind.to_string() }
}

fn groups(out: &mut String, tier: &Tier) {
    for Group { source, target, items } in &tier.groups {
        let names: Vec<&str> = items.names().collect();
        let place = match (source, target) {
            (Some(source), Some(target)) => format!("{}: ", arrow(source, target)),
            _ => String::new(),
        };
        let _ = writeln!(out, "   {place}{}", names.join(", "));
    }
}

fn arrow(source: &str, target: &str) -> String {
    if source == target { source.to_owned() } else { format!("{source} -> {target}") }
}
