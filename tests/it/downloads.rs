//! DownloadRequests: links that lead to exactly one file, for a while.

use lateen_test_harness::{Installation, Store};
use rstest::rstest;
use serde_json::json;

use crate::world::{LIMIT, back_up, config_maps, create, install, phase};

/// Asks for a link as the CLI does.
async fn link(velero: &Installation<'_>, name: &str, kind: &str, target: &str) -> String {
    let request = json!({
        "apiVersion": "velero.io/v1", "kind": "DownloadRequest",
        "metadata": { "namespace": velero.namespace(), "name": name },
        "spec": { "target": { "kind": kind, "name": target } },
    });
    velero.objects().apply_value(&request).await.unwrap();
    let answered = velero.await_phase("DownloadRequest", name, &["Processed"], LIMIT).await.unwrap();
    assert!(answered["status"]["expiration"].is_string(), "{answered:#}");
    answered["status"]["downloadURL"].as_str().unwrap().to_owned()
}

#[rstest]
#[case::file("links-file", Store::File)]
#[case::s3("links-s3", Store::S3)]
#[tokio::test]
async fn a_link_leads_to_its_file_and_nowhere_else(#[case] app: &str, #[case] store: Store) {
    let velero = install(&format!("velero-{app}"), store).await;
    config_maps(&velero, app, &["one"]).await;
    for name in ["shop", "other"] {
        assert_eq!(phase(&back_up(&velero, name, app).await), "Completed");
    }
    let location = velero.get("BackupStorageLocation", "default").await.unwrap().unwrap();
    let mut client = reqwest::Client::builder().no_proxy().timeout(LIMIT);
    if let Some(ca) = location["spec"]["objectStorage"]["caCert"].as_str() {
        let ca = serde_json::from_value::<k8s_openapi::ByteString>(json!(ca)).unwrap();
        client = client.tls_certs_only([reqwest::Certificate::from_pem(&ca.0).unwrap()]);
    }
    let client = client.build().unwrap();
    let get = async |url: &str| {
        let answer = client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    };

    let good = link(&velero, "results", "BackupResults", "shop").await;
    let (status, bytes) = get(&good).await;
    assert_eq!(status, 200);
    assert!(bytes == velero.bucket().read("backups/shop/shop-results.gz").unwrap());

    // The same link, bent towards another file.
    let bent = good.replace("shop/shop-results", "other/other-results");
    assert_ne!(bent, good);
    assert_eq!(get(&bent).await.0, 403);
    let unsigned = good.split('?').next().unwrap();
    assert_eq!(get(unsigned).await.0, 403);

    // A file that is not there is nobody's fault but its own.
    velero.bucket().remove("backups/shop/shop-results.gz").unwrap();
    assert_eq!(get(&good).await.0, 404);
    let said = create(&velero, &["backup", "describe", "shop", "--details"]).await;
    assert!(said.contains("Phase:  Completed"), "{said}");
}
