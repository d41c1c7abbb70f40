use serde_json::json;

use super::*;
use crate::mock::{Answer, serve};

const SENT: &str = "GET /api/v1/namespaces/app/pods/db-0/exec?&stdout=true&stderr=true&container=db&command=sh&command=-c&command=a%26b";

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn command<'a>(pod: &'a str, words: &'a [String]) -> Command<'a> {
    Command { namespace: "app", pod, container: "db", command: words, timeout: None }
}

/// Runs a command against a server that gives this answer once and is not to be asked again.
async fn refused(answer: Answer) -> ExecError {
    let (client, server) = serve(vec![(SENT.to_owned(), answer)]);
    let words = words(&["sh", "-c", "a&b"]);
    let (_, result) = exec(&client, &command("db-0", &words), std::future::pending()).await;
    server.done().await;
    result.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn the_api_servers_words_are_kept_and_nothing_is_begun_twice() {
    let status = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "pods \"db-0\" is forbidden"});
    let error = refused(Answer::json(403, &status)).await;
    let ExecError::Begin(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.line(), "pods \"db-0\" is forbidden");
    for answer in
        [Answer::text(502, "bad gateway"), Answer::text(503, "").with("retry-after", "1"), Answer::lost()]
    {
        let error = refused(answer).await;
        assert!(matches!(error, ExecError::Begin(_)), "{error:?}");
    }
    let error = refused(Answer::text(200, "hello")).await;
    assert!(matches!(error, ExecError::NoWebSocket(_)), "{error:?}");
}

#[tokio::test]
async fn names_that_would_leave_their_path_are_not_sent() {
    let (client, server) = serve(vec![]);
    let words = words(&["sync"]);
    for pod in ["", "..", ".a", "a/../b", "a?dryRun=All", "a#", "a%2fb", "A", "a b", &"a".repeat(254)] {
        let (_, result) = exec(&client, &command(pod, &words), std::future::pending()).await;
        assert!(matches!(&result, Err(ExecError::Name(name)) if name == pod), "{pod}: {result:?}");
    }
    let long = vec!["/".repeat(COMMAND_LIMIT / 3)];
    let (_, result) = exec(&client, &command("a", &long), std::future::pending()).await;
    assert!(matches!(result, Err(ExecError::TooLong { bytes }) if bytes > COMMAND_LIMIT), "{result:?}");
    server.done().await;
}

#[test]
fn the_status_tells_how_it_ended() {
    let told = |status: serde_json::Value| {
        ended(&serde_json::from_value(status).unwrap()).map_err(|error| error.to_string())
    };
    assert_eq!(told(json!({"status": "Success"})), Ok(()));
    let causes =
        json!({"causes": [{"reason": "Other", "message": "7"}, {"reason": "ExitCode", "message": "3"}]});
    let failed = json!({"status": "Failure", "reason": "NonZeroExitCode", "message": "m", "details": causes});
    assert_eq!(told(failed), Err("command terminated with exit code 3".into()));
    let failed = json!({"status": "Failure", "message": "no such file", "details": {"causes": [{"reason": "ExitCode", "message": "x"}]}});
    assert_eq!(told(failed), Err("no such file".into()));
    assert_eq!(told(json!({})), Err("the command failed and nobody said why".into()));
}

#[tokio::test]
async fn output_is_kept_up_to_its_limit_and_read_to_the_end() {
    let mut captured = Captured::default();
    captured.read_all(Some(&b"one\ntwo\xff\r\n"[..])).await;
    assert_eq!(captured.text(), "one\ntwo\u{fffd}");
    let mut rest = &vec![b'x'; 3 * OUTPUT_LIMIT][..];
    let mut captured = Captured::default();
    captured.read_all(Some(&mut rest)).await;
    assert!(rest.is_empty());
    let text = captured.text();
    assert!(
        text.ends_with("x ... and 32768 bytes more") && text.len() < OUTPUT_LIMIT + 100,
        "{}",
        text.len()
    );
}
