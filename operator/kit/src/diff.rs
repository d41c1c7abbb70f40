//! What a change did, as a unified diff of the YAML that kubectl would show.

use std::time::Duration;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::screen::{Paint, lines};

/// Unchanged lines around a change; enough to see which container it is.
const CONTEXT: usize = 3;

/// An item has up to 200,000 lines; past this time the diff is coarser, not wrong.
const PATIENCE: Duration = Duration::from_secs(2);

/// An object as YAML, without anything that a terminal would obey.
pub fn yaml(object: &Value) -> String {
    // What YAML would escape is escaped; the rest cannot fail for a JSON value.
    let text = serde_yaml_ng::to_string(object).unwrap_or_else(|error| format!("cannot be shown: {error}\n"));
    lines(&text).into_owned()
}

/// The difference of two texts; empty where there is none.
pub fn unified(names: (&str, &str), before: &str, after: &str, paint: Paint) -> String {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
    let mut text = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        if text.is_empty() {
            let head = |mark: &str, name: &str| paint.bold(&format!("{mark} {name}"));
            text = format!("{}\n{}\n", head("---", names.0), head("+++", names.1));
        }
        text += &paint.cyan(&hunk.header().to_string());
        text.push('\n');
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            text += &match change.tag() {
                ChangeTag::Delete => paint.red(&format!("-{line}")),
                ChangeTag::Insert => paint.green(&format!("+{line}")),
                ChangeTag::Equal => format!(" {line}"),
            };
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_difference_is_no_text() {
        assert_eq!(unified(("a", "b"), "x\n", "x\n", Paint(true)), "");
    }

    #[test]
    fn a_change_is_shown_with_its_surroundings() {
        let before = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"a": "1", "b": "2", "c": "3", "d": "4"}},
            "spec": {"replicas": 3, "paused": false, "note": "two\nlines"},
        });
        let mut after = before.clone();
        after["metadata"]["labels"]["a"] = "one".into();
        after["spec"]["replicas"] = 1.into();
        after["spec"]["note"] = "\u{1b}[2Jcleared".into();
        let text = unified(("before", "after"), &yaml(&before), &yaml(&after), Paint(false));
        insta::with_settings!({snapshot_path => "../../../snapshots/kit", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("diff", text);
        });
    }

    #[test]
    fn colours_mark_what_went_and_what_came() {
        let text = unified(("a", "b"), "1\n2\n", "1\n3\n", Paint(true));
        assert!(text.contains("\u{1b}[31m-2\u{1b}[0m\n\u{1b}[32m+3\u{1b}[0m\n"), "{text:?}");
    }
}
