//! Writing small files as a whole, and starting uploads of large ones.
//!
//! A file is either there completely or not at all, in both kinds of location. Content types and encodings are never set: the
//! velero CLI unpacks what it downloads by itself.

use bytes::Bytes;
use object_store::multipart::MultipartStore;
use object_store::{ObjectStore, PutMode, PutMultipartOptions, PutOptions};

use super::{Backend, BackupStore, Version};
use crate::{Key, StoreError, Upload};

/// The largest file that is written as a whole. It is in memory already; the limit is that of one request, which is repeated
/// as a whole. Longer ones are uploads.
pub(super) const MAX_PUT_BYTES: u64 = 64 << 20;

impl BackupStore {
    /// Writes a file of up to 64 MiB, replacing what was there.
    pub async fn put(&self, key: &Key, content: Bytes) -> Result<Version, StoreError> {
        self.check_put(key, &content)?;
        let path = self.locate(key).await?;
        let options = PutOptions { mode: PutMode::Overwrite, tags: self.tags(), ..PutOptions::default() };
        let put = self.objects().put_opts(&path, content.into(), options).await;
        let put = put.map_err(|e| StoreError::new("write", key.as_str(), &e))?;
        Ok(Version::new(put.e_tag, put.version))
    }

    /// Starts an upload of a file of any size up to [`crate::MAX_UPLOAD_BYTES`]. What was at `key` stays until the
    /// upload is finished.
    pub async fn upload(&self, key: &Key) -> Result<Upload, StoreError> {
        self.writable(key)?;
        let path = self.locate(key).await?;
        let failed = |e: object_store::Error| StoreError::new("start the upload of", key.as_str(), &e);
        let options = PutMultipartOptions { tags: self.tags(), ..PutMultipartOptions::default() };
        match self.backend() {
            Backend::Aws(aws) => {
                let id = aws.client.create_multipart_opts(&path, options).await.map_err(failed)?;
                Ok(Upload::to_bucket(key.clone(), aws.client.clone(), path, id))
            }
            Backend::File(file) => {
                let staged = file.files.put_multipart_opts(&path, options).await.map_err(failed)?;
                Ok(Upload::to_directory(key.clone(), staged))
            }
        }
    }

    /// Removes what an upload of an earlier process left: in a bucket the parts of the upload with this id, in a directory (where
    /// uploads have no ids) every unfinished file of this key. Nothing left is no error. The caller knows that the upload
    /// does not go on anywhere.
    ///
    /// Uploads whose id nobody wrote down cannot be found through the object store's interface, which does not list
    /// them; a lifecycle rule of the bucket for incomplete uploads removes those.
    pub async fn abort_upload(&self, key: &Key, id: Option<&str>) -> Result<(), StoreError> {
        self.writable(key)?;
        let path = self.locate(key).await?;
        match (self.backend(), id) {
            (Backend::Aws(aws), Some(id)) => match aws.client.abort_multipart(&path, &id.to_owned()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(e) => Err(StoreError::new("abort the upload of", key.as_str(), &e)),
            },
            (Backend::Aws(_), None) => Ok(()),
            (Backend::File(file), _) => {
                let (parent, name) = (path.parent().unwrap_or_default(), path.filename());
                file.clear_unfinished(&parent, name).await.map(|_| ())
            }
        }
    }

    pub(super) fn check_put(&self, key: &Key, content: &Bytes) -> Result<(), StoreError> {
        self.writable(key)?;
        if content.len() as u64 > MAX_PUT_BYTES {
            return Err(StoreError::TooLarge { key: key.to_string(), limit: MAX_PUT_BYTES });
        }
        Ok(())
    }
}
