//! The hook that a pod asks for by its annotations: one for each phase of a backup, with an old form without a phase that is one before
//! it, and one after a restore.

use std::collections::BTreeMap;

use lateen_api::labels::annotations::{
    LEGACY_BACKUP_HOOK_PREFIX, POST_BACKUP_HOOK_PREFIX, POST_RESTORE_HOOK_PREFIX, PRE_BACKUP_HOOK_PREFIX,
};

use super::restore::hook::RestoreHook;
use super::{ExecHook, HookPhase, HookSource, timeout, wait_limit};

/// The name of such a hook in logs.
pub const FROM_ANNOTATION: &str = "<from-annotation>";

/// A hook as annotations have it, and what had to be guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedHook<T = ExecHook> {
    /// The hook.
    pub hook: T,
    /// Values that could not be used, and what was used instead.
    pub warnings: Vec<String>,
}

/// Whether an object of this JSON text may have a hook of a backup in its annotations. Costs a search of the text; `true` can be wrong
/// (the managed fields name annotations too), `false` cannot: an API server writes keys without escapes.
pub fn may_have_hooks(json: &str) -> bool {
    // The legacy prefix is the end of the other two.
    json.contains(LEGACY_BACKUP_HOOK_PREFIX)
}

/// Whether an annotation is part of a hook.
pub fn is_hook_key(key: &str) -> bool {
    [PRE_BACKUP_HOOK_PREFIX, POST_BACKUP_HOOK_PREFIX, LEGACY_BACKUP_HOOK_PREFIX, POST_RESTORE_HOOK_PREFIX]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// The hook that these annotations ask for in a phase; `None` where no command is named.
pub fn backup_hook(annotations: &BTreeMap<String, String>, phase: HookPhase) -> Option<AnnotatedHook> {
    match phase {
        HookPhase::Pre => {
            let old = || hook(annotations, LEGACY_BACKUP_HOOK_PREFIX, "timeout");
            hook(annotations, PRE_BACKUP_HOOK_PREFIX, "timeout").or_else(old)
        }
        HookPhase::Post => hook(annotations, POST_BACKUP_HOOK_PREFIX, "timeout"),
    }
}

/// The hook that these annotations ask for after a restore; `None` where no command is named.
pub fn restore_hook(annotations: &BTreeMap<String, String>) -> Option<AnnotatedHook<RestoreHook>> {
    let AnnotatedHook { hook, mut warnings } = hook(annotations, POST_RESTORE_HOOK_PREFIX, "exec-timeout")?;
    let value =
        |key: &str| annotations.get(&format!("{POST_RESTORE_HOOK_PREFIX}{key}")).map_or("", String::as_str);
    let (wait_limit, warning) = wait_limit(value("wait-timeout"));
    warnings.extend(warning);
    let (wait_for_ready, warning) = flag(value("wait-for-ready"));
    warnings.extend(warning);
    Some(AnnotatedHook { hook: RestoreHook { exec: hook, wait_limit, wait_for_ready }, warnings })
}

/// A truth value as Go writes and reads it; anything else is false, with a warning.
fn flag(text: &str) -> (bool, Option<String>) {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => (true, None),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => (false, None),
        _ => {
            (false, Some(format!("wait-for-ready is {text:?} and neither true nor false; it does not count")))
        }
    }
}

fn hook(annotations: &BTreeMap<String, String>, prefix: &str, timeout_key: &str) -> Option<AnnotatedHook> {
    let value = |key: &str| annotations.get(&format!("{prefix}{key}")).map_or("", String::as_str);
    let text = value("command");
    if text.is_empty() {
        return None;
    }
    let mut warnings = Vec::new();
    let on_error = value("on-error");
    if !matches!(on_error, "" | "Fail" | "Continue") {
        warnings.push(format!(
            "on-error is {on_error:?} and neither \"Fail\" nor \"Continue\"; it does not count"
        ));
    }
    let (timeout, warning) = timeout(value(timeout_key));
    warnings.extend(warning);
    let hook = ExecHook {
        name: FROM_ANNOTATION.to_owned(),
        source: HookSource::Annotation,
        container: value("container").to_owned(),
        command: command(text),
        timeout,
        // Not set means less here than in the spec of a backup: the failure is told, and the pod is backed up all the same.
        aborts: on_error == "Fail",
    };
    Some(AnnotatedHook { hook, warnings })
}

/// A JSON list of strings is a program and its arguments; anything else is a program, brackets and all.
pub fn command(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(list) = serde_json::from_str::<Vec<String>>(text)
    {
        return list;
    }
    vec![text.to_owned()]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn annotated(pairs: &[(&str, &str)], phase: HookPhase) -> Option<AnnotatedHook> {
        let annotations = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        backup_hook(&annotations, phase)
    }

    #[test]
    fn commands_are_lists_or_one_program() {
        for (text, wanted) in [
            ("/bin/sync", vec!["/bin/sync"]),
            ("/bin/sync now", vec!["/bin/sync now"]),
            (r#"["sh", "-c", "a \"b\""]"#, vec!["sh", "-c", "a \"b\""]),
            ("[]", vec![]),
            ("[ -f x ]", vec!["[ -f x ]"]),
            ("[1]", vec!["[1]"]),
            (r#" ["a"]"#, vec![r#" ["a"]"#]),
            (r#"["a"] b"#, vec![r#"["a"] b"#]),
        ] {
            assert_eq!(command(text), wanted, "{text}");
        }
    }

    #[test]
    fn each_phase_has_its_own_keys_and_the_old_ones_stand_in_before() {
        let old = ("hook.backup.velero.io/command", "old");
        let pre = ("pre.hook.backup.velero.io/command", "new");
        let name = |pairs: &[_], phase| annotated(pairs, phase).map(|found| found.hook.command.concat());
        assert_eq!(name(&[old], HookPhase::Pre).as_deref(), Some("old"));
        assert_eq!(name(&[old, pre], HookPhase::Pre).as_deref(), Some("new"));
        assert_eq!(name(&[old, pre], HookPhase::Post), None);
        assert_eq!(
            name(&[old, ("pre.hook.backup.velero.io/command", "")], HookPhase::Pre).as_deref(),
            Some("old")
        );
        assert_eq!(
            name(&[("post.hook.backup.velero.io/command", "p")], HookPhase::Post).as_deref(),
            Some("p")
        );
        assert_eq!(name(&[("post.hook.backup.velero.io/container", "c")], HookPhase::Post), None);
        assert_eq!(name(&[("post.hook.restore.velero.io/command", "r")], HookPhase::Post), None);
    }

    #[test]
    fn errors_abort_only_when_fail_is_spelled_out() {
        for (on_error, aborts, warnings) in [
            (None, false, 0),
            (Some("Continue"), false, 0),
            (Some("Fail"), true, 0),
            (Some("fail"), false, 1),
        ] {
            let mut pairs = vec![("post.hook.backup.velero.io/command", "c")];
            pairs.extend(on_error.map(|value| ("post.hook.backup.velero.io/on-error", value)));
            let found = annotated(&pairs, HookPhase::Post).unwrap();
            assert_eq!((found.hook.aborts, found.warnings.len()), (aborts, warnings), "{on_error:?}");
        }
    }

    #[test]
    fn timeouts_that_cannot_be_had_are_told() {
        for (text, seconds, warning) in [
            ("", 30, None),
            ("0s", 30, None),
            ("1m30s", 90, None),
            ("90", 30, Some("the timeout cannot be read (missing unit in duration \"90\"); 30s is used")),
            ("-1s", 30, Some("the timeout \"-1s\" is below zero; 30s is used")),
        ] {
            let pairs =
                [("pre.hook.backup.velero.io/command", "c"), ("pre.hook.backup.velero.io/timeout", text)];
            let found = annotated(&pairs, HookPhase::Pre).unwrap();
            assert_eq!(found.hook.timeout, Duration::from_secs(seconds), "{text}");
            assert_eq!(found.warnings.first().map(String::as_str), warning, "{text}");
        }
    }

    #[test]
    fn the_search_of_the_text_misses_no_form() {
        for key in ["pre.hook.backup.velero.io", "post.hook.backup.velero.io", "hook.backup.velero.io"] {
            assert!(may_have_hooks(&format!(r#"{{"metadata":{{"annotations":{{"{key}/command":"c"}}}}}}"#)));
            assert!(is_hook_key(&format!("{key}/command")));
        }
        assert!(is_hook_key("post.hook.restore.velero.io/wait-for-ready") && !is_hook_key("velero.io/hook"));
        assert!(!may_have_hooks(
            r#"{"metadata":{"annotations":{"post.hook.restore.velero.io/command":"c"}}}"#
        ));
    }
}
