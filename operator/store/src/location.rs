//! What a BackupStorageLocation says, and how it becomes a store.
//!
//! Configuration is parsed once, here: after that nobody reads the raw keys. A key that a provider does not have is an error,
//! as with Velero's plugins, and so is a key of Velero's that is not supported; nothing is ignored silently except what Velero
//! itself ignores.
//!
//! No network is touched, with one exception: the region of a bucket on AWS itself that nobody gave is asked for.

pub(crate) mod aws;
mod credentials;
pub(crate) mod file;
pub(crate) mod http;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::path::Path;
use url::Url;

use crate::layout::check_name;
use crate::{ConfigError, FileSigner};

/// The longest prefix in bytes: what the 1,024 bytes of an S3 key leave beside the longest key of the layout.
const MAX_PREFIX_BYTES: usize = 1_024 - crate::layout::MAX_KEY_BYTES;

/// A location as its custom resource and its Secrets describe it.
#[derive(Clone, Default)]
pub struct LocationConfig {
    /// The location's name.
    pub name: String,
    /// `spec.provider`: `aws`, `velero.io/aws`, `file` or `lateen.dev/file`.
    pub provider: String,
    /// `spec.objectStorage.bucket`: the bucket, or for `file` the directory's name.
    pub bucket: String,
    /// `spec.objectStorage.prefix`, possibly empty.
    pub prefix: String,
    /// `spec.config`.
    pub config: BTreeMap<String, String>,
    /// The content of the Secret that `spec.credential` names: an AWS shared credentials file.
    pub credentials: Option<String>,
    /// The CA bundle in PEM that `caCertRef` or `caCert` gives, trusted beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether `spec.accessMode` is `ReadOnly`.
    pub read_only: bool,
}

impl fmt::Debug for LocationConfig {
    /// Everything except the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocationConfig")
            .field("name", &self.name)
            .field("provider", &self.provider)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("config", &self.config)
            .field("credentials", &self.credentials.as_ref().map(|_| "..."))
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// What a store may use of the process it runs in.
#[derive(Clone, Default)]
pub struct StoreEnvironment {
    /// The content of the file that `AWS_SHARED_CREDENTIALS_FILE` names, for locations without credentials of their own.
    pub shared_credentials: Option<String>,
    /// The environment variables; only those that the AWS SDKs define are read.
    pub variables: BTreeMap<String, String>,
    /// The directory that all `file` locations lie below; without it there are none.
    pub file_root: Option<PathBuf>,
    /// Where files of `file` locations can be fetched; without it they have no signed URLs.
    pub downloads: Option<Downloads>,
}

impl fmt::Debug for StoreEnvironment {
    /// Nothing of what is inside: most of it is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreEnvironment").field("file_root", &self.file_root).finish_non_exhaustive()
    }
}

/// The endpoint that serves the files of `file` locations.
#[derive(Debug, Clone)]
pub struct Downloads {
    /// Makes the links; the endpoint checks with the same one.
    pub signer: Arc<FileSigner>,
    /// What comes before `/download/` in a link, for example `https://lateen.velero.svc:8443`.
    pub base: Url,
}

/// The providers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Aws,
    File,
}

impl Provider {
    pub(crate) fn parse(provider: &str) -> Result<Self, ConfigError> {
        match provider {
            "aws" | "velero.io/aws" => Ok(Self::Aws),
            "file" | "lateen.dev/file" => Ok(Self::File),
            other => Err(ConfigError::UnknownProvider(other.chars().take(80).collect())),
        }
    }
}

/// Checks the location's own name.
pub(crate) fn parse_name(name: &str) -> Result<String, ConfigError> {
    check_name(name).map_err(|_| invalid("metadata.name", name, "a Kubernetes name"))?;
    Ok(name.to_owned())
}

/// The bucket without slashes around it. What is left becomes part of host names and paths and is checked accordingly.
pub(crate) fn parse_bucket(bucket: &str) -> Result<String, ConfigError> {
    let trimmed = bucket.trim_matches('/');
    if trimmed.starts_with("arn:") {
        let reason =
            "access points are not addressed by ARN; use the access point's alias as the bucket".to_owned();
        return Err(ConfigError::Refused { key: "bucket", reason });
    }
    let plain = trimmed.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if trimmed.is_empty() || trimmed.len() > 255 || !plain || trimmed.starts_with('.') {
        return Err(invalid(
            "bucket",
            bucket,
            "a bucket's name: letters, digits, '-', '_' and '.', and no path",
        ));
    }
    Ok(trimmed.to_owned())
}

/// The prefix without slashes around it and without doubled ones.
pub(crate) fn parse_prefix(prefix: &str) -> Result<Path, ConfigError> {
    let segments: Vec<&str> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
    let joined = segments.join("/");
    let staged = segments.iter().any(|segment| crate::layout::is_staged(segment));
    if joined.len() > MAX_PREFIX_BYTES || joined.contains('\\') || staged {
        return Err(invalid("prefix", prefix, "a short path of plain names"));
    }
    Path::parse(&joined).map_err(|_| invalid("prefix", prefix, "a path without '.' and '..'"))
}

/// The keys of `spec.config` that have a value, after checking that the provider knows all of them. An empty value counts as
/// none, as in Velero; the one key where empty has a meaning is read from the raw map.
pub(crate) fn known_config<'a>(
    provider: &'static str,
    config: &'a BTreeMap<String, String>,
    known: &[&'static str],
) -> Result<BTreeMap<&'a str, &'a str>, ConfigError> {
    let unknown: Vec<String> = config
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| key.chars().take(80).collect())
        .collect();
    if !unknown.is_empty() {
        return Err(ConfigError::UnknownKeys { provider, keys: unknown.join(", "), known: known.join(", ") });
    }
    Ok(config.iter().filter(|(_, value)| !value.is_empty()).map(|(k, v)| (k.as_str(), v.as_str())).collect())
}

pub(crate) fn invalid(key: &'static str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::InvalidValue { key, value: value.chars().take(80).collect(), expected }
}
