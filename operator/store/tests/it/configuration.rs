//! Which locations are refused, and with what words.

use lateen_store::{BackupStore, LocationConfig, StoreEnvironment};

use crate::scene::{Kind, Scene, config};

fn location(provider: &str, bucket: &str, pairs: &[(&str, &str)]) -> LocationConfig {
    LocationConfig {
        name: "default".into(),
        provider: provider.into(),
        bucket: bucket.into(),
        config: config(pairs),
        ..LocationConfig::default()
    }
}

async fn refusal(location: &LocationConfig, environment: &StoreEnvironment) -> String {
    let error = BackupStore::open(location, environment).await.expect_err("it was opened");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[tokio::test]
async fn bad_locations_are_refused_with_clear_words() {
    let url = ("s3Url", "http://127.0.0.1:9");
    let mut cases = vec![
        location("", "b", &[]),
        location("gcp", "b", &[]),
        location("velero.io/azure", "b", &[]),
        location("aws", "", &[url]),
        location("aws", "a/b", &[url]),
        location("aws", "b.evil.example:80@", &[url]),
        location("aws", "..", &[url]),
        location("aws", "arn:aws:s3:eu-west-1:1:accesspoint/a", &[url]),
        location("aws", "b", &[url, ("regoin", "x"), ("zone", "y")]),
        location("aws", "b", &[("region", "x.evil.example/")]),
        location("aws", "b", &[("s3Url", "minio:9000")]),
        location("aws", "b", &[("s3Url", "ftp://minio")]),
        location("aws", "b", &[url, ("publicUrl", "https://u:p@minio")]),
        location("aws", "b", &[url, ("s3ForcePathStyle", "yes")]),
        location("aws", "b", &[url, ("insecureSkipTLSVerify", "on")]),
        location("aws", "b", &[url, ("checksumAlgorithm", "MD5")]),
        location("aws", "b", &[url, ("serverSideEncryption", "ROT13")]),
        location("aws", "b", &[url, ("kmsKeyId", "a b")]),
        location("aws", "b", &[url, ("customerKeyEncryptionFile", "/etc/passwd")]),
        location("aws", "b", &[url, ("customerKeyEncryptionSecret", "s/k")]),
        location("aws", "b", &[url, ("credentialsFile", "/etc/passwd")]),
        location("aws", "b", &[url, ("caCert", "x")]),
        location("aws", "b", &[url, ("tagging", "a")]),
        location("aws", "b", &[url, ("tagging", &["a=b"; 11].join("&"))]),
        location("file", "b", &[("s3Url", "http://x")]),
        location("file", "b", &[]),
    ];
    let with = |change: fn(&mut LocationConfig)| {
        let mut case = location("aws", "b", &[url]);
        change(&mut case);
        case
    };
    cases.push(with(|l| l.name = "../x".into()));
    cases.push(with(|l| l.prefix = "a/../../b".into()));
    cases.push(with(|l| l.prefix = "x".repeat(400)));
    cases.push(with(|l| l.ca_pem = Some(b"not a certificate".to_vec())));
    cases.push(with(|l| l.credentials = Some("[other]\naws_access_key_id=AKIAX\n".into())));
    cases.push(with(|l| l.credentials = Some("AKIAX:secret".into())));

    let mut lines = Vec::new();
    for case in &cases {
        let LocationConfig { provider, bucket, prefix, config, .. } = case;
        let message = refusal(case, &StoreEnvironment::default()).await;
        assert!(!message.contains("AKIAX"), "{message}");
        lines
            .push(format!("{provider:?} {bucket:?} {:.20} {config:?}\n    {message}", format!("{prefix:?}")));
    }
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/store"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("refused-locations", lines.join("\n")));
}

#[tokio::test]
async fn a_file_location_stays_below_the_root() {
    let scene = Scene::new(Kind::Directory).await;
    let outside = tempfile::tempdir().unwrap();
    let root = scene.environment.file_root.clone().unwrap();
    std::fs::create_dir(root.join("mount")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
    let open = |path: &str, bucket: &str| {
        let location = location("lateen.dev/file", bucket, &[("path", path)]);
        let environment = scene.environment.clone();
        async move { BackupStore::open(&location, &environment).await.map(|_| ()).map_err(|e| e.to_string()) }
    };

    open("mount", "b").await.unwrap();
    open(root.join("mount").to_str().unwrap(), "c").await.unwrap();
    assert!(root.join("mount/b").is_dir() && root.join("mount/c").is_dir());
    for (path, bucket, reason) in [
        ("missing", "b", "No such file"),
        ("mount/../..", "b", "without '..'"),
        ("/", "b", "is not inside"),
        (outside.path().to_str().unwrap(), "b", "is not inside"),
        ("link", "b", "is not inside"),
        ("", "link", "leads outside"),
    ] {
        let message = open(path, bucket).await.unwrap_err();
        assert!(message.contains(reason), "{path} {bucket}: {message}");
    }

    let mut missing = scene.location.clone();
    missing.bucket = "missing".into();
    missing.read_only = true;
    assert!(BackupStore::open(&missing, &scene.environment).await.is_err());
    assert!(!root.join("missing").exists());
}
