//! Whether what came out is what a case expects, and in what it differs.

use lateen_actions::ObjectRef;

use crate::{
    Paint,
    case::{Case, Expected, RELATED},
    diff,
    item::Item,
    measure,
    screen::line,
    secret,
    workbench::Outcome,
};

/// What differs, each as text of one or several lines; nothing where the case holds.
pub(super) fn compare(case: &Case, item: &Item, outcome: &Outcome, paint: Paint) -> Vec<String> {
    let mut problems = Vec::new();
    match &case.expected {
        None => problems.push(
            "there is none of expected.yaml, unchanged, skip.txt and error.txt; --update writes what comes out".to_owned(),
        ),
        Some(expected) => problems.extend(differs_from(expected, item, outcome, paint)),
    }
    if outcome.error.is_none() && case.related != outcome.related {
        problems.push(related(&case.related, &outcome.related, paint));
    }
    let said = |wanted: &String| outcome.notes.iter().any(|note| note.message.contains(wanted.as_str()));
    for wanted in case.log.iter().filter(|wanted| !said(wanted)) {
        let notes: Vec<&str> = outcome.notes.iter().map(|note| note.message.as_str()).collect();
        let log = if notes.is_empty() { "nothing".to_owned() } else { notes.join(" | ") };
        problems.push(format!("the log lacks {:?}; it has {}", line(wanted), line(&log)));
    }
    problems
}

fn differs_from(expected: &Expected, item: &Item, outcome: &Outcome, paint: Paint) -> Option<String> {
    let what = describe(item, outcome);
    let uncalled =
        if outcome.spent.uncalled { "; `match` does not cover it, so the action is not called" } else { "" };
    let wanted = match expected {
        Expected::Error(part) => {
            let fits = outcome.error.as_ref().is_some_and(|reason| reason.contains(part.as_str()));
            return (!fits).then(|| format!("expected an error with {:?}, but {what}{uncalled}", line(part)));
        }
        Expected::Skip(part) if outcome.error.is_none() => {
            let fits = outcome.skip.as_ref().is_some_and(|reason| reason.contains(part.as_str()));
            return (!fits)
                .then(|| format!("expected it to be left out with {:?}, but {what}{uncalled}", line(part)));
        }
        Expected::Item(wanted) => wanted,
        Expected::Skip(_) | Expected::Unchanged => &item.value,
    };
    if outcome.error.is_some() || outcome.skip.is_some() {
        let expectation = match expected {
            Expected::Unchanged => "the item as it was",
            Expected::Skip(_) => "it to be left out",
            Expected::Item(_) | Expected::Error(_) => "a changed item",
        };
        return Some(format!("expected {expectation}, but {what}"));
    }
    if *wanted == outcome.item {
        return None;
    }
    let (wanted, found) = secret::masked(wanted, &outcome.item);
    let names = (
        if matches!(expected, Expected::Unchanged) { "item.yaml" } else { "expected.yaml" },
        "what came out",
    );
    let text = diff::unified(names, &diff::yaml(&wanted), &diff::yaml(&found), paint);
    Some(if uncalled.is_empty() { text } else { format!("{}\n{text}", &uncalled[2..]) })
}

fn describe(item: &Item, outcome: &Outcome) -> String {
    match (&outcome.error, &outcome.skip) {
        (Some(reason), _) => format!("the action failed: {}", line(reason)),
        (None, Some(reason)) => format!("it is left out: {}", line(reason)),
        (None, None) if outcome.item == item.value => "it comes out as it was".to_owned(),
        (None, None) => "it comes out changed".to_owned(),
    }
}

fn related(wanted: &[ObjectRef], found: &[ObjectRef], paint: Paint) -> String {
    let text = |objects: &[ObjectRef]| {
        objects.iter().fold(String::new(), |text, object| text + &line(&object.to_string()) + "\n")
    };
    let (wanted, found) = (text(wanted), text(found));
    diff::unified((RELATED, "related objects that were asked for"), &wanted, &found, paint)
}

/// What a case would have to expect so that it holds.
pub(super) fn expectation(item: &Item, outcome: &Outcome) -> Expected {
    match (&outcome.error, &outcome.skip) {
        (Some(reason), _) => Expected::Error(reason.clone()),
        (None, Some(reason)) => Expected::Skip(reason.clone()),
        (None, None) if outcome.item == item.value => Expected::Unchanged,
        (None, None) => Expected::Item(outcome.item.clone()),
    }
}

/// What is different on an instance that has been used before.
pub(super) fn differs(fresh: &Outcome, reused: &Outcome, calls: usize) -> String {
    let (before, after) = secret::masked(&fresh.item, &reused.item);
    let names = ("on a fresh instance", "on an instance after other calls");
    let text = diff::unified(names, &diff::yaml(&before), &diff::yaml(&after), Paint(false));
    let reason = match (&fresh.error, &reused.error) {
        (None, Some(reason)) => format!(": it fails: {}", line(reason)),
        _ => String::new(),
    };
    format!(
        "on an instance that had {} before, something else comes out{reason}; an action must not remember\n{text}",
        measure::count(calls, "call")
    )
}

#[cfg(test)]
mod tests;
