//! The files of a backup on this machine, laid out as in its location: the engine reads them as it reads any location.

use std::path::PathBuf;

use lateen_api::v1::{Backup, BackupStorageLocation, DownloadTargetKind};
use lateen_cluster::secret;
use lateen_controllers::Context;
use lateen_store::{BackupStore, DownloadKind, LocationConfig, StoreEnvironment};
use tempfile::TempDir;

use crate::PlanError;
use crate::args::ConnectionArgs;
use crate::download::{Links, Trust};

/// What the engine reads of a backup beside its archive, as far as it is there.
const SIDE_FILES: [DownloadTargetKind; 1] = [DownloadTargetKind::BackupVolumeInfos];

/// The files, which go when this is dropped.
pub(crate) struct Files {
    pub(crate) store: BackupStore,
    _directory: TempDir,
}

impl Files {
    /// Fetches them.
    pub(crate) async fn fetch(
        context: &Context,
        backup: &Backup,
        location: &BackupStorageLocation,
        args: &ConnectionArgs,
    ) -> Result<Self, PlanError> {
        let directory = directory(args)?;
        let place = LocationConfig {
            name: "here".into(),
            provider: "file".into(),
            bucket: "files".into(),
            ..LocationConfig::default()
        };
        let environment =
            StoreEnvironment { file_root: Some(directory.path().to_owned()), ..StoreEnvironment::default() };
        let store = BackupStore::open(&place, &environment).await?;
        let trust = trust(context, location, args).await?;
        let name = backup.metadata.name.clone().unwrap_or_default();
        let links = Links {
            client: context.client.clone(),
            namespace: context.namespace.clone(),
            backup: name.clone(),
            timeout: args.timeout,
        };
        let contents = DownloadTargetKind::BackupContents;
        if !fetch(&links, contents, &trust, &store, &name).await? {
            let location = location.metadata.name.clone().unwrap_or_default();
            return Err(PlanError::Usage(format!(
                "the archive of backup {name} is not in location {location} any more"
            )));
        }
        for kind in SIDE_FILES {
            fetch(&links, kind, &trust, &store, &name).await?;
        }
        Ok(Self { store, _directory: directory })
    }
}

async fn fetch(
    links: &Links,
    kind: DownloadTargetKind,
    trust: &Trust,
    store: &BackupStore,
    backup: &str,
) -> Result<bool, PlanError> {
    let file: DownloadKind = kind.to_string().parse().expect("the layout has a place for it");
    let key = file.key(backup).map_err(|error| PlanError::Usage(error.to_string()))?;
    links.fetch(kind, trust, (store, &key)).await
}

fn directory(args: &ConnectionArgs) -> Result<TempDir, PlanError> {
    let parent = scratch(args);
    let made = tempfile::Builder::new().prefix("lateen-plan-").tempdir_in(&parent);
    made.map_err(|source| PlanError::Scratch { path: parent, source })
}

/// Where the archive and what is unpacked of it may lie.
pub(crate) fn scratch(args: &ConnectionArgs) -> PathBuf {
    args.scratch_dir.clone().unwrap_or_else(std::env::temp_dir)
}

/// What `--cacert` says, or else the location.
async fn trust(
    context: &Context,
    location: &BackupStorageLocation,
    args: &ConnectionArgs,
) -> Result<Trust, PlanError> {
    let certificates = match (&args.cacert, &location.spec.object_storage) {
        (Some(path), _) => {
            let pem = std::fs::read(path);
            let pem = pem.map_err(|source| PlanError::Read { path: path.clone(), source })?;
            Some((path.display().to_string(), pem))
        }
        (None, storage) => match (&storage.ca_cert, &storage.ca_cert_ref) {
            (Some(pem), _) => Some(("the location".to_owned(), pem.0.clone())),
            // Who may not read the Secret can still give --cacert, and is told so if it turns out to be needed.
            (None, Some(at)) => secret::value(&context.client, &context.namespace, &at.name, &at.key)
                .await
                .ok()
                .map(|pem| (format!("Secret {}", at.name), pem)),
            (None, None) => None,
        },
    };
    Ok(Trust { certificates, everybody: args.insecure_skip_tls_verify })
}
