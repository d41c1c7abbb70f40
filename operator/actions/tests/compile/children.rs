//! Children that are not what they should be. Each is a script in `children/`; the parent ends it and says what happened.

use std::{path::PathBuf, thread, time::Duration};

use lateen_actions::compile::{CompileError, CompileLimits};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use crate::world::{EMPTY, child, host, host_with, limits};

fn script(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/compile/children", name].iter().collect()
}

#[rstest]
#[case::hangs("hangs.sh", "it took longer than 0.3 s; ")]
#[case::hangs_in_silence("closes-its-pipes.sh", "the compiler failed: it said all and did not end")]
#[case::floods("floods.sh", "it makes more than 4 MiB of machine code")]
#[case::talks_forever("talks.sh", "it took longer than 0.3 s; ")]
#[case::killed("killed.sh", "the compiler was killed, most likely because the machine ran out of memory")]
#[case::panics("panics.sh", "it took more than 256 MiB of memory")]
#[case::crashes("crashes.sh", "the compiler failed: it ended by signal 11: on the way out")]
#[case::refuses("refuses.sh", "no, because of two lines")]
#[case::unknown("unknown-end.sh", "the compiler failed: it ended with exit status: 3: ")]
#[case::wrong_code("wrong-code.sh", "the machine code does not load: ")]
#[case::not_there("not-there.sh", "the compiler does not start: ")]
fn a_child_that_goes_wrong_is_told_and_ended(#[case] name: &str, #[case] message: &str) {
    let limits = CompileLimits { wall: Duration::from_millis(300), ..limits() };
    let error = host(child(script(name), limits)).prepare(EMPTY).unwrap_err();
    assert!(error.to_string().starts_with(message), "{error}");
}

#[test]
fn a_shutdown_ends_the_child() {
    let cancelled = CancellationToken::new();
    let mut options = child(script("hangs.sh"), CompileLimits { wall: Duration::from_mins(10), ..limits() });
    options.cancelled = cancelled.clone();
    let host = host(options);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| host.prepare(EMPTY));
        cancelled.cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err(), CompileError::Cancelled);
    });
}

#[test]
fn what_several_ask_for_at_once_is_compiled_once() {
    let host = host_with(limits());
    thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| host.prepare(EMPTY))).collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
    // Whoever came when the first was through already compiled again: there is no cache here.
    assert!(host.compilations() < 8, "{}", host.compilations());
}

#[test]
fn what_had_bad_luck_is_tried_again() {
    let host = host(child(script("killed.sh"), limits()));
    for _ in 0..2 {
        assert_eq!(host.prepare(EMPTY).unwrap_err(), CompileError::Killed);
    }
    assert_eq!(host.compilations(), 2);
}

/// The environment of a server has credentials in it.
#[test]
fn the_child_has_no_environment_and_its_limits() {
    let error = host(child(script("tells.sh"), limits())).prepare(EMPTY).unwrap_err();
    let CompileError::Refused(said) = error else { panic!("{error:?}") };
    assert_eq!(said, "compile-component 268435456:1:4194304 in / with 0");
}
