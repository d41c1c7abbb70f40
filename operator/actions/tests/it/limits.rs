//! Items that are too much for any action fail by the policy of the action that should have seen them; and the limits that authors read about.

use std::{fs, path::Path};

use lateen_actions::{Role, limits};
use serde_json::{Value, json};

use crate::world::{STAMP, configmap, deployment, manifest, run};

#[tokio::test]
async fn an_item_may_be_100_levels_deep_and_3_mib_long() {
    let run = run(Role::Backup, &[configmap("stamp", &manifest("stamp", ""), &STAMP)]).await;
    let mut session = run.session();
    let (subject, item) = deployment();

    let deep = |levels: usize| {
        let mut item = item.clone();
        item["spec"]["deep"] = (0..levels).fold(Value::Null, |inner, _| json!([inner]));
        item
    };
    assert_eq!(session.backup_item(&subject, deep(98)).await.error, None);
    let error = session.backup_item(&subject, deep(99)).await.error.unwrap();
    assert_eq!(error.reason, "the item is nested deeper than 100 levels");

    let long = |bytes: usize| {
        let mut item = item.clone();
        item["spec"]["long"] = json!("x".repeat(bytes));
        item
    };
    assert_eq!(session.backup_item(&subject, long(3_000_000)).await.error, None);
    let error = session.backup_item(&subject, long(3 << 20)).await.error.unwrap();
    assert_eq!(error.reason, "the item has more than 3145728 bytes");
}

/// `1,000`.
fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().ok().expect("it is not negative").to_string();
    let head = digits.len() % 3;
    let (first, rest) = digits.split_at(head);
    let groups = rest.as_bytes().chunks(3).map(|group| str::from_utf8(group).expect("digits"));
    [first].into_iter().filter(|first| !first.is_empty()).chain(groups).collect::<Vec<_>>().join(",")
}

#[test]
fn what_authors_read_is_what_holds() {
    let (kib, mib) =
        (|bytes: usize| format!("{} KiB", bytes >> 10), |bytes: usize| format!("{} MiB", bytes >> 20));
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs());
    let (call, start) = (seconds(limits::CALL_TIME), seconds(limits::START_TIME));
    let (wall, request) = (seconds(limits::CALL_WALL_TIME), seconds(limits::CLUSTER_REQUEST_TIME));
    let (memory, item, depth) = (mib(limits::MEMORY), mib(limits::ITEM), limits::DEPTH);
    let stack = mib(limits::WASM_STACK);
    let (base, operations) = (mib(limits::CHANGE_BASE), grouped(limits::PATCH_OPERATIONS));
    assert_eq!(limits::change(1000), 2000 + limits::CHANGE_BASE);
    let (related, host_calls) = (grouped(limits::RELATED), grouped(limits::HOST_CALLS));
    let (requests, answer, answers) =
        (limits::CLUSTER_REQUESTS, mib(limits::CLUSTER_ANSWER), mib(limits::CLUSTER_ANSWERS));
    let (line, of_call, of_run) = (kib(limits::LOG_LINE), kib(limits::LOG_CALL), mib(limits::LOG_RUN));
    let (reason, id, crossing) = (kib(limits::REASON), limits::OPERATION_ID, mib(limits::CROSSING));
    let (instance_calls, elements) = (grouped(limits::INSTANCE_CALLS), grouped(limits::TABLE_ELEMENTS));

    let process = limits::PROCESS_MEMORY >> 30;
    expect(
        "docs/actions/troubleshooting.md",
        &[
            format!("| guest code | {call} per call, {start} for the start of an instance |"),
            format!("| a call with all its waiting | {wall}; {request} for one request to the cluster |"),
            format!(
                "| memory | {memory} per instance, {process} GiB for all actions of the server together; {stack} of stack |"
            ),
            format!("| item | {item} of JSON, {depth} levels deep |"),
            format!(
                "| change | twice the item and {base}; {operations} operations; the item after it no deeper than {depth} levels |"
            ),
            format!("| related objects | {related} per call |"),
            format!(
                "| calls of the host | {host_calls} per call, of them {requests} requests to the cluster with {answers} of answers, {answer} each |"
            ),
            format!("| all that an answer holds | {crossing} |"),
            format!("| log | {line} per line, {of_call} per call, {of_run} per action and run |"),
            format!("| reasons | {reason} |"),
            format!(
                "| component | {} unpacked, in at most {} chunks |",
                mib(limits::COMPONENT),
                limits::CHUNKS
            ),
            format!("| script | {} |", kib(limits::SCRIPT)),
            format!("| manifest | {} |", kib(limits::MANIFEST)),
        ],
    );
    expect(
        "wit/v0.2/types.wit",
        &[
            format!("after {instance_calls} calls, at half its memory"),
            format!("guest code     {call} per call, {start} for instantiation and configure together;"),
            format!("whole call     {wall} with everything in it; {request} for one request to the cluster"),
            format!(
                "memory         {memory} over all linear memories, {elements} elements over all tables, {} core instances, {stack} of stack",
                limits::CORE_INSTANCES
            ),
            format!("item           {item} of JSON, {depth} levels deep"),
            format!("change         2 x item + {base} of text, {operations} JSON patch operations;"),
            format!("answer         {crossing} in all"),
            format!("related        {related} per call"),
            format!(
                "cluster        {requests} requests per call, {answer} per answer, {answers} of answers per call"
            ),
            format!("host calls     {host_calls} per call"),
            format!("log            {line} per line, {of_call} per call, {of_run} per action and run;"),
            format!("reasons        {reason}; operation ids {id} bytes"),
        ],
    );
}

fn expect(file: &str, lines: &[String]) {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).expect(file);
    for line in lines {
        assert!(text.contains(line), "{file} does not say {line:?}");
    }
}
