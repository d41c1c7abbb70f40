//! Components that mean harm to the compiler: the server goes on, says why, and compiles the next one.

use std::{fs, time::Duration};

use k8s_openapi::{ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use lateen_actions::{
    ActionRegistry, ITEM_ACTION_LABEL, Library, MANIFEST_KEY,
    compile::{CompileError, CompileLimits},
};
use rstest::rstest;

use crate::{
    bombs::{deep_nesting, huge_tables, many_blocks, many_locals},
    world::{EMPTY, host_with, limits},
};

#[rstest]
#[case::many_blocks(many_blocks())]
#[case::many_locals(many_locals())]
#[case::deep_nesting(deep_nesting())]
#[case::huge_tables(huge_tables())]
fn a_bomb_is_stopped_by_the_time(#[case] bomb: Vec<u8>) {
    assert!(bomb.len() < 10 << 20, "it is no larger than a component may be");
    let host = host_with(CompileLimits { memory: 4 << 30, ..limits() });
    let error = host.prepare(&bomb).unwrap_err();
    assert_eq!(error, CompileError::CpuTime(Duration::from_secs(1)));
    assert!(error.to_string().starts_with("it took more than 1 s of processor time"), "{error}");
    // It is not tried again, and others are not concerned.
    assert_eq!(host.prepare(&bomb).unwrap_err(), error);
    host.prepare(EMPTY).unwrap();
    assert_eq!(host.compilations(), 2);
}

#[rstest]
#[case::many_blocks(many_blocks())]
#[case::huge_tables(huge_tables())]
fn a_bomb_is_stopped_by_its_memory(#[case] bomb: Vec<u8>) {
    let (memory, patience) = (40 << 20, Duration::from_mins(5));
    let host = host_with(CompileLimits { memory, cpu: patience, wall: patience, ..limits() });
    let error = host.prepare(&bomb).unwrap_err();
    assert_eq!(error, CompileError::Memory { limit: memory });
    assert!(error.to_string().starts_with("it took more than 40 MiB of memory"), "{error}");
    host.prepare(EMPTY).unwrap();
}

/// The whole way, from the ConfigMap to an item.
#[tokio::test]
async fn an_action_that_is_a_bomb_fails_and_the_others_work() {
    let (memory, patience) = (64 << 20, Duration::from_mins(5));
    let host = host_with(CompileLimits { memory, cpu: patience, wall: patience, ..limits() });
    let registry = ActionRegistry::new(host, Library::default());
    let honest = lateen_guests::build_bytes("stamp").unwrap();
    let reports =
        registry.load(&[action("bomb", "services", &huge_tables()), action("stamp", "pods", &honest)]).await;
    let problem = &reports[0].outcome.as_ref().unwrap_err().reason;
    assert!(
        problem.starts_with("cannot compile the component: it took more than 64 MiB of memory"),
        "{problem}"
    );
    assert!(reports[1].outcome.is_ok(), "{reports:?}");
    let states: Vec<bool> = registry.snapshot().describe().iter().map(|it| it.problem.is_none()).collect();
    assert_eq!(states, [false, true]);
}

/// A ConfigMap with an action for one kind.
fn action(name: &str, kind: &str, component: &[u8]) -> ConfigMap {
    let manifest = format!(
        "name: test.example/{name}\non: [backup]\nmatch: {{resources: [{kind}]}}\ncomponent: action.wasm\n"
    );
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("velero".to_owned()),
            labels: Some([(ITEM_ACTION_LABEL.to_owned(), String::new())].into()),
            ..ObjectMeta::default()
        },
        data: Some([(MANIFEST_KEY.to_owned(), manifest)].into()),
        binary_data: Some([("action.wasm".to_owned(), ByteString(component.to_vec()))].into()),
        ..ConfigMap::default()
    }
}

#[test]
fn what_the_child_takes_is_not_the_parents() {
    let bomb = many_blocks();
    let host = host_with(CompileLimits { memory: 1 << 30, ..limits() });
    let before = peak();
    host.prepare(&bomb).unwrap_err();
    let grown = peak() - before;
    // Other tests of this process run at the same time, and take their components along.
    assert!(grown < 128 << 20, "{grown} bytes");
}

/// The most memory that this process has ever had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

#[rstest]
#[case::nothing(b"", "unexpected end-of-file")]
#[case::text(b"#!/bin/sh", "bad magic number")]
#[case::core_module(b"\0asm\x01\0\0\0", "attempted to parse a wasm module with a component parser")]
#[case::cut_off(b"\0asm\x0d\0\x01\0\x01", "unexpected end-of-file (at offset 0x9)")]
#[case::machine_code(b"\x7fELF\x02\x01\x01\x00", "bad magic number")]
fn what_is_no_component_is_refused_in_the_validators_words(#[case] bytes: &[u8], #[case] words: &str) {
    let error = host_with(limits()).prepare(bytes).unwrap_err();
    let CompileError::Refused(said) = error else { panic!("{error:?}") };
    assert!(said.contains(words), "{said}");
}

#[test]
fn more_than_a_component_may_have_is_not_read() {
    let mut large = EMPTY.to_vec();
    // A custom section without a name, 11 MiB long.
    large.extend([0, 0x81, 0x80, 0x80 | 0x40, 0x05, 0]);
    large.resize(large.len() + (11 << 20), 0);
    let error = host_with(limits()).prepare(&large).unwrap_err();
    assert_eq!(error, CompileError::Refused("it is larger than 10 MiB".to_owned()));
}

#[test]
fn more_machine_code_than_allowed_is_not_taken() {
    let host = host_with(CompileLimits { code: 1000, ..limits() });
    assert_eq!(host.prepare(EMPTY).unwrap_err(), CompileError::TooMuchCode(1000));
}
