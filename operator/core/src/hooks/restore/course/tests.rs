//! Table tests: a pod with hooks, what is seen of it and when, and what becomes of the hooks.

use serde_json::json;

use super::*;
use crate::hooks::HookSource;
use crate::hooks::restore::pod_state::RunningContainer;

fn pod() -> TargetPod {
    TargetPod::read(&json!({
        "metadata": {"namespace": "app", "name": "db-0"},
        "spec": {
            "containers": [{"name": "db"}, {"name": "web"}],
            "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
        },
    }))
}

/// `name[@container][ Fail][ ready][ <seconds to wait>]`.
fn hook(text: &str) -> RestoreHook {
    let mut words = text.split(' ');
    let (name, container) = words.next().map(|word| word.split_once('@').unwrap_or((word, ""))).unwrap();
    let words: Vec<&str> = words.collect();
    RestoreHook {
        exec: ExecHook {
            name: name.into(),
            source: HookSource::RestoreSpec,
            container: container.into(),
            command: vec!["c".into()],
            timeout: Duration::from_secs(30),
            aborts: words.contains(&"Fail"),
        },
        wait_limit: words.iter().find_map(|word| word.parse().ok()).map(Duration::from_secs),
        wait_for_ready: words.contains(&"ready"),
    }
}

/// `-` nothing runs, `ended`, `gone`, or containers that run: `db`, and `db+` ready.
fn state(text: &str) -> PodState {
    match text {
        "-" => PodState::Waiting,
        "ended" => PodState::Ended("Succeeded".into()),
        "gone" => PodState::Gone,
        list => PodState::Running(
            list.split(' ')
                .map(|name| RunningContainer {
                    name: name.trim_end_matches('+').into(),
                    ready: name.ends_with('+'),
                })
                .collect(),
        ),
    }
}

/// Plays what is seen at which second (`patience 9`: from now on hooks wait until then); hooks of these names fail. Gives what ran, the
/// errors, the counts, and what is to be done at the end.
fn play(hooks: &[&str], seen: &[(u64, &str)], failing: &str) -> (String, Vec<String>, HookCounts, Step) {
    let mut course = Course::new(&pod(), hooks.iter().map(|text| hook(text)).collect());
    let (mut ran, mut last) = (Vec::new(), Step::Over);
    for (second, text) in seen {
        let now = Duration::from_secs(*second);
        match text.split_once(' ') {
            Some(("patience", end)) => course.lose_patience(Duration::from_secs(end.parse().unwrap())),
            _ => course.see(state(text), now),
        }
        loop {
            last = course.next(now);
            let Step::Run(hook) = &last else { break };
            ran.push(format!("{}@{}", hook.name, hook.container));
            let failed = failing.split(' ').any(|name| name == hook.name);
            course.ran(hook, if failed { Err("no way") } else { Ok(()) });
        }
    }
    (ran.join(" "), course.errors().to_vec(), course.counts(), last)
}

#[test]
fn hooks_run_when_their_container_is_up() {
    // The hooks; what is seen; what ran; until when is waited, or nothing where it is over.
    for (hooks, seen, ran, wait) in [
        (&["a", "b"][..], &[(0, "-")][..], "", Some(None)),
        (&["a", "b"], &[(0, "-"), (5, "db")], "a@db b@db", None),
        (&["a@web", "b"], &[(0, "db web")], "a@web b@db", None),
        (&["a@web", "b", "c@web"], &[(0, "db web")], "a@web c@web b@db", None),
        (&["a@web", "b", "c@web 9"], &[(0, "db")], "b@db", Some(Some(9))),
        (&["a@proxy"], &[(0, "proxy")], "a@proxy", None),
        (&["a ready 20"], &[(0, "db")], "", Some(Some(20))),
        (&["a", "b ready"], &[(0, "db"), (3, "db+")], "a@db b@db", None),
        (&["a 10", "b@web 5"], &[(0, "-")], "", Some(Some(5))),
        (&["a"], &[(0, "db"), (1, "db")], "a@db", None),
        (&[], &[(0, "-")], "", None),
    ] {
        let (found, errors, counts, last) = play(hooks, seen, "");
        let wanted = wait.map_or(Step::Over, |until: Option<u64>| Step::Wait(until.map(Duration::from_secs)));
        assert_eq!((found.as_str(), last, errors), (ran, wanted, vec![]), "{hooks:?} {seen:?}");
        assert_eq!(counts, HookCounts { attempted: hooks.len() as u64, failed: 0 });
    }
}

#[test]
fn every_hook_that_did_not_end_well_is_told_once() {
    let failed = "failed to execute, err: no way";
    let expired = "expired before executing";
    let not =
        |name: &str, why: &str| format!("hook {name} in container db in pod app/db-0 not executed: {why}");
    let one =
        |name: &str, container: &str, what: &str| format!("hook {name} in container {container} {what}");
    let other = "another hook of the pod failed";
    // The hooks; what is seen; those that fail; what ran; what is told.
    for (hooks, seen, failing, ran, errors) in [
        (&["a", "b"][..], &[(0, "db")][..], "a", "a@db b@db", vec![one("a", "db", failed)]),
        (&["a Fail", "b"], &[(0, "db")], "a", "a@db", vec![one("a", "db", failed), not("b", other)]),
        (
            &["w@web Fail", "b"],
            &[(0, "db web")],
            "w",
            "w@web",
            vec![one("w", "web", failed), not("b", other)],
        ),
        // Too late, each by its own limit; what comes behind is run.
        (
            &["a 5", "b 20", "c"],
            &[(0, "-"), (5, "-"), (10, "db")],
            "",
            "b@db c@db",
            vec![one("a", "db", expired)],
        ),
        (&["a 5 Fail", "b"], &[(0, "-"), (6, "db")], "", "", vec![one("a", "db", expired), not("b", other)]),
        (&["a 5"], &[(0, "-"), (5, "db")], "", "", vec![one("a", "db", expired)]),
        // In time, if only for a moment: a container that goes down again is waited for anew.
        (&["a ready 5"], &[(4, "db+"), (5, "db")], "", "a@db", vec![]),
        // A container that nobody has.
        (
            &["x@nobody", "a"],
            &[(0, "db")],
            "",
            "a@db",
            vec![one("x", "nobody", "failed to execute, err: no such container: \"nobody\"")],
        ),
        (
            &["x@setup", "a"],
            &[(0, "db")],
            "",
            "a@db",
            vec![one("x", "setup", "failed to execute, err: no such container: \"setup\"")],
        ),
        (
            &["x@nobody Fail", "a"],
            &[(0, "db")],
            "",
            "",
            vec![
                one("x", "nobody", "failed to execute, err: no such container: \"nobody\""),
                not("a", other),
            ],
        ),
        // The end of the pod is the end of its hooks.
        (
            &["a", "b"],
            &[(0, "-"), (1, "ended")],
            "",
            "",
            vec![not("a", "the pod has ended: Succeeded"), not("b", "the pod has ended: Succeeded")],
        ),
        (&["a"], &[(0, "gone")], "", "", vec![not("a", "the pod is gone")]),
        // Nobody waits for ever once the restore has nothing else to do; who has a limit keeps it.
        (
            &["a", "b@web 50"],
            &[(0, "-"), (20, "patience 25"), (30, "web")],
            "",
            "b@web",
            vec![one("a", "db", expired)],
        ),
        (&["a"], &[(5, "patience 9"), (8, "db")], "", "a@db", vec![]),
    ] {
        let (found, told, counts, last) = play(hooks, seen, failing);
        assert_eq!((found.as_str(), &told, last), (ran, &errors, Step::Over), "{hooks:?} {seen:?}");
        let failed = errors.len() as u64;
        assert_eq!(counts, HookCounts { attempted: hooks.len() as u64, failed }, "{hooks:?}");
    }
}

#[test]
fn a_container_that_came_up_while_another_hook_ran_is_in_time() {
    let mut course = Course::new(&pod(), vec![hook("slow"), hook("b 10"), hook("w@web 10")]);
    let at = Duration::from_secs;
    course.see(state("db"), at(0));
    let Step::Run(slow) = course.next(at(0)) else { panic!("the container is up") };
    course.see(state("db web"), at(9));
    course.ran(&slow, Ok(()));
    let Step::Run(second) = course.next(at(60)) else { panic!("its container was up in time") };
    assert_eq!(second.name, "b");
    let Step::Run(third) = course.next(at(90)) else { panic!("its container was up in time") };
    assert_eq!(third.name, "w");
    assert_eq!(course.next(at(90)), Step::Over);
    assert_eq!(course.errors(), [""; 0]);
}
