//! Files of a backup that are written again after its items: the document, the operations, volume infos, results, the log.
//!
//! Whoever writes here has taken the run over, and the document shows it: it is made of the object as the API server has it, whose record
//! must name this process, and it replaces only a document of the same Backup in the state that was seen.

use bytes::Bytes;
use kube::ResourceExt;
use lateen_api::Document;
use lateen_api::document::DocumentError;
use lateen_api::v1::{Backup, BackupStatus};
use lateen_cluster::object::{self, ObjectError};
use lateen_core::backup::operations;
use lateen_core::item_operation::BackupOperation;
use lateen_core::kind::{GroupResource, ObjectName, ServedKind};
use lateen_core::results::Results;
use lateen_core::run_record::RunRecord;
use lateen_store::{BackupDir, BackupFile, BackupStore, StoreError};
use serde_json::Value;

use super::files::DOCUMENT_LIMIT;
use crate::context::Context;
use crate::error_chain::error_chain;
use crate::run_files::{self, LIST_LIMIT, RunFileError};
use crate::run_log::RunLog;
use crate::run_status::{StatusError, record_of};

/// Why a file could not be written again.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoredError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run is not ours, or its object is gone.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The object cannot be read.
    #[error("cannot read the backup's object for its document")]
    Object(#[from] ObjectError),
    /// The object, or the document in the bucket, is none.
    #[error("cannot make the backup's document")]
    Document(#[from] DocumentError),
    /// There is a backup of this name that is not this one.
    #[error("the location has another backup of this name")]
    OfAnother,
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] RunFileError),
}

/// The Backup as the API server has it, with the fields that this version does not know: they belong into its document. It must be the
/// object `of` still, and its run this process's.
pub(super) async fn whole_document(context: &Context, of: &Backup) -> Result<Document<Backup>, StoredError> {
    let name = ObjectName::new(Some(&context.namespace), &of.name_any());
    let text = object::get(&context.client, &backups(), &name).await?;
    let document = Document::<Backup>::parse(text.ok_or(StatusError::Gone)?.as_bytes())?;
    let found = document.object();
    if found.uid() != of.uid() {
        return Err(StatusError::Gone.into());
    }
    if record_of(found).is_none_or(|record| record.leader != *context.leader) {
        return Err(StatusError::NotOurs.into());
    }
    Ok(document)
}

/// What the cluster serves Backups as.
fn backups() -> ServedKind {
    ServedKind {
        group_resource: GroupResource::new("velero.io", "backups"),
        version: "v1".to_owned(),
        kind: "Backup".to_owned(),
        singular: "backup".to_owned(),
        short_names: Vec::new(),
        namespaced: true,
        verbs: Vec::new(),
    }
}

/// Stores the document, over an older one of the same Backup if there is one.
pub(super) async fn put_document(
    store: &BackupStore,
    dir: &BackupDir,
    document: &Document<Backup>,
) -> Result<(), StoredError> {
    let key = dir.key(BackupFile::Metadata);
    let content = Bytes::from(document.to_vec());
    match store.put_new(&key, content.clone()).await {
        Err(StoreError::AlreadyExists { .. }) => {}
        put => return Ok(put.map(drop)?),
    }
    let Some((found, bytes)) = store.get_bounded(&key, DOCUMENT_LIMIT).await? else {
        return Err(StoreError::Changed { key: key.to_string() }.into());
    };
    if Document::<Backup>::parse(&bytes)?.object().uid() != document.object().uid() {
        return Err(StoredError::OfAnother);
    }
    store.put_if_unchanged(&key, content, &found.version).await?;
    Ok(())
}

/// The status in the document of this Backup, if it has one.
pub(super) async fn status(
    store: &BackupStore,
    dir: &BackupDir,
    of: &Backup,
) -> Result<Option<BackupStatus>, StoredError> {
    let Some((_, bytes)) = store.get_bounded(&dir.key(BackupFile::Metadata), DOCUMENT_LIMIT).await? else {
        return Ok(None);
    };
    let document = Document::<Backup>::parse(&bytes)?;
    if document.object().uid() != of.uid() {
        return Err(StoredError::OfAnother);
    }
    Ok(document.object().status.clone())
}

/// The operations of a backup; none: there is no such file.
pub(super) async fn operations(
    store: &BackupStore,
    dir: &BackupDir,
) -> Result<Option<Vec<BackupOperation>>, StoredError> {
    Ok(run_files::operations(store, dir.key(BackupFile::ItemOperations)).await?)
}

/// Stores the operations, over what was there.
pub(super) async fn put_operations(
    store: &BackupStore,
    dir: &BackupDir,
    operations: &[BackupOperation],
) -> Result<(), StoredError> {
    Ok(run_files::put_packed(store, dir.key(BackupFile::ItemOperations), &operations).await?)
}

/// Tells in the volume infos how the operations of snapshots ended.
pub(super) async fn end_volume_infos(
    store: &BackupStore,
    dir: &BackupDir,
    ended: &[BackupOperation],
) -> Result<(), StoredError> {
    let key = dir.key(BackupFile::VolumeInfo);
    let parse = run_files::json::<Option<Vec<Value>>>;
    let infos = run_files::read_packed(store, key.clone(), LIST_LIMIT, parse).await?;
    let mut infos = infos.flatten().unwrap_or_default();
    if operations::end_volume_infos(&mut infos, ended) {
        run_files::put_packed(store, key, &infos).await?;
    }
    Ok(())
}

/// Adds to the results what came after the items.
pub(super) async fn add_results(
    store: &BackupStore,
    dir: &BackupDir,
    later: Results,
) -> Result<(), StoredError> {
    if later == Results::default() {
        return Ok(());
    }
    Ok(run_files::add_results(store, dir.key(BackupFile::Results), later).await.map(drop)?)
}

/// Adds lines to the log.
pub(super) async fn append_log(
    store: &BackupStore,
    dir: &BackupDir,
    log: &RunLog,
) -> Result<(), StoredError> {
    Ok(run_files::append_log(store, &dir.key(BackupFile::Log), &[log]).await?)
}

/// Removes what an upload of an earlier process left. Best effort: what stays is no file, and a lifecycle rule of the bucket can remove it.
pub(super) async fn abort_uploads(store: &BackupStore, dir: &BackupDir, record: Option<&RunRecord>) {
    for open in record.into_iter().flat_map(|record| &record.uploads) {
        let key = dir.key(BackupFile::Contents);
        if open.key != key.to_string() {
            continue;
        }
        if let Err(error) = store.abort_upload(&key, open.id.as_deref()).await {
            tracing::warn!(%key, error = error_chain(&error), "cannot abort the upload of an interrupted backup");
        }
    }
}
