//! Links that let somebody without credentials fetch one file for a short time.

use std::time::{Duration, SystemTime};

use http::Method;
use object_store::signer::Signer;
use url::Url;

use super::{Backend, BackupStore};
use crate::signer::seconds;
use crate::{Key, StoreError};

impl BackupStore {
    /// A URL that answers a plain GET with the file for `ttl`, usually [`crate::SIGNED_URL_TTL`]. Whether there is a file
    /// is not looked at: the URL of a missing one answers 404.
    pub async fn signed_url(&self, key: &Key, ttl: Duration) -> Result<Url, StoreError> {
        let path = self.locate(key).await?;
        match self.backend() {
            Backend::Aws(aws) => {
                let url = aws.public.signed_url(Method::GET, &path, ttl).await;
                url.map_err(|e| StoreError::new("sign a URL for", key.as_str(), &e))
            }
            Backend::File(file) => {
                let downloads = file.downloads.as_ref().ok_or_else(|| StoreError::Unsupported {
                    action: format!("sign a URL for {key}"),
                    reason: "this server has no download endpoint".to_owned(),
                })?;
                let expires = seconds(SystemTime::now()) + ttl.as_secs();
                let signature = downloads.signer.sign(self.location(), key, expires);
                let mut url = downloads.base.clone();
                if let Ok(mut segments) = url.path_segments_mut() {
                    segments
                        .pop_if_empty()
                        .push("download")
                        .push(self.location())
                        .extend(key.as_str().split('/'));
                }
                url.query_pairs_mut()
                    .append_pair("expires", &expires.to_string())
                    .append_pair("signature", &signature);
                Ok(url)
            }
        }
    }
}
