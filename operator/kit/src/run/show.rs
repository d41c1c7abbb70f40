//! What came out for one item, on the screen.

use lateen_actions::{NoteLevel, Role};

use super::{Called, Chosen, is_for_programs};
use crate::{
    KitError, Paint, Screen,
    args::{Output, RunArgs},
    diff,
    item::Item,
    screen::line,
    secret,
    workbench::Outcome,
};

/// Shows the result and what the action said; for programs the result alone goes to standard output.
pub(super) fn show(
    args: &RunArgs,
    action: &Chosen,
    item: &Item,
    called: &Called,
    screen: &mut Screen<'_>,
) -> Result<(), KitError> {
    let outcome = &called.outcome;
    let (before, after) = if args.show_secrets {
        (item.value.clone(), outcome.item.clone())
    } else {
        secret::masked(&item.value, &outcome.item)
    };
    let remarks = remarks(called, action.role, screen.paint);
    let kept = outcome.skip.is_none();
    match args.output {
        Output::Yaml if kept => screen.say(&format!("---\n{}", diff::yaml(&after)))?,
        Output::Json if kept => screen.say(&pretty(&after)?)?,
        Output::Patch if kept => screen.say(&pretty(&json_patch::diff(&before, &after))?)?,
        Output::Diff | Output::Yaml | Output::Json | Output::Patch => {}
    }
    if is_for_programs(args) {
        return if remarks.is_empty() { Ok(()) } else { Ok(screen.remark(&remarks)?) };
    }
    let mut text = screen.paint.bold(&line(&item.subject.to_string()));
    if let Some(target) =
        item.subject.target_namespace.as_ref().filter(|t| Some(*t) != item.subject.namespace.as_ref())
    {
        text += &format!(" into {}", line(target));
    }
    let paint = screen.paint;
    let state = if outcome.error.is_some() {
        paint.red("failed")
    } else if outcome.skip.is_some() {
        paint.yellow("left out")
    } else if before == after {
        paint.dim("unchanged")
    } else {
        paint.green("changed")
    };
    text += &format!("  {state}\n");
    if item.reset {
        text += &paint.dim("  without its status and the metadata that a restore takes off first");
        text.push('\n');
    }
    if kept {
        let names = (before_name(action.role), "after the action");
        text += &diff::unified(names, &diff::yaml(&before), &diff::yaml(&after), paint);
    }
    Ok(screen.say(&(text + &remarks))?)
}

fn before_name(role: Role) -> &'static str {
    match role {
        Role::Backup | Role::RelatedItems => "in the cluster",
        Role::Restore | Role::Delete => "in the archive",
    }
}

fn pretty(value: &impl serde::Serialize) -> Result<String, KitError> {
    serde_json::to_string_pretty(value)
        .map_err(|error| KitError::Content(format!("cannot write the result: {error}")))
}

/// Lines of log, and everything about the outcome that is no change.
fn remarks(called: &Called, role: Role, paint: Paint) -> String {
    let Outcome { skip, related, must_include, wait_seconds, operations, error, notes, .. } = &called.outcome;
    let mut text = String::new();
    let mut row = |label: String, value: &str| {
        text += &format!("  {label} {}\n", line(value));
    };
    for note in notes {
        let label = match note.level {
            NoteLevel::Debug => paint.dim("debug    "),
            NoteLevel::Info => paint.cyan("info     "),
            NoteLevel::Warn => paint.yellow("warning  "),
            NoteLevel::Error => paint.red("error    "),
        };
        row(label, &note.message);
    }
    if let Some(reason) = skip {
        row(paint.yellow("left out "), reason);
    }
    for object in related {
        let suffix = if *must_include && role == Role::Backup { ", whatever the filters say" } else { "" };
        row(paint.bold("related  "), &format!("{object}{suffix}"));
    }
    if let Some(seconds) = wait_seconds {
        let time = if *seconds == 0 { "the server's time-out".to_owned() } else { format!("{seconds} s") };
        row(paint.bold("waits    "), &format!("for related objects, at most {time}"));
    }
    for id in operations {
        row(paint.bold("operation"), &format!("{id} began; only a server follows it"));
    }
    if let Some(number) = called.differs {
        row(paint.yellow("differs  "), &format!("call {number} came out differently from the first"));
    }
    // What the policy made a warning of has been said.
    if let Some(reason) =
        error.as_ref().filter(|reason| notes.last().is_none_or(|note| note.message != **reason))
    {
        row(paint.red("failed   "), reason);
    }
    text
}
