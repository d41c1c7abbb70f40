//! Secrets and service accounts.

use super::*;
use crate::cluster::recorded::Recorded;

fn secrets(cluster: Recorded) -> Box<Action> {
    action(move |secret| token::execute(secret, || Some("app2".to_owned()), &cluster))
}

#[test]
fn tokens_of_the_old_cluster_stay_behind() {
    let secret = |name: &str, r#type: &str| {
        json!({ "metadata": { "name": name, "namespace": "app", "annotations": { "kubernetes.io/service-account.name": "web", "kubernetes.io/service-account.uid": "u" } },
            "type": r#type, "data": { "token": "x", "ca.crt": "y", "extra": "z" } })
    };
    let token = "kubernetes.io/service-account-token";
    let cluster = || Recorded {
        kinds: vec![(
            "",
            "v1",
            "serviceaccounts",
            vec![json!({ "metadata": { "name": "web", "namespace": "app2" } })],
        )],
        ..Recorded::default()
    };
    let emptied = |name: &str| {
        json!({ "metadata": { "name": name, "namespace": "app", "annotations": { "kubernetes.io/service-account.name": "web" } },
            "type": token, "data": { "extra": "z" } })
    };
    check(vec![
        case("asked for", secrets(cluster()), secret("ci", token), emptied("ci")),
        case(
            "named by hand",
            secrets(cluster()),
            secret("web-token-admin", token),
            emptied("web-token-admin"),
        ),
        case(
            "of another account",
            secrets(cluster()),
            secret("db-token-x7k2p", token),
            emptied("db-token-x7k2p"),
        ),
        untouched("no token at all", secrets(cluster()), secret("web-token-x7k2p", "Opaque")),
        case(
            "references to tokens that were made go, all of them",
            simple(token::service_account),
            json!({ "metadata": { "name": "web" }, "secrets": [
                { "name": "web-token-x7k2p" }, { "name": "mine" }, { "name": "web-token-4bcdf" }, { "name": "web-token-manual" },
            ] }),
            json!({ "metadata": { "name": "web" }, "secrets": [{ "name": "mine" }, { "name": "web-token-manual" }] }),
        ),
        untouched(
            "an account without secrets",
            simple(token::service_account),
            json!({ "metadata": { "name": "web" } }),
        ),
    ]);

    let skipped = secrets(cluster())(&secret("web-token-x7k2p", token)).expect("it is skipped");
    let reason = "it is a token that the old cluster made by itself for the service account web";
    assert_eq!((skipped.skip.as_deref(), skipped.change), (Some(reason), Change::Unchanged));

    let needs = |cluster| names(&secrets(cluster)(&secret("ci", token)).expect("it is restored"));
    assert_eq!(needs(cluster()), [""; 0]);
    assert_eq!(needs(Recorded::default()), ["serviceaccounts app/web"]);
    assert!(
        secrets(Recorded { failure: Some("down"), ..Recorded::default() })(&secret("ci", token)).is_err()
    );
}
