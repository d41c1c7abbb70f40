//! The config keys of an `aws` location, parsed.

use std::collections::BTreeMap;

use object_store::TagSet;
use object_store::aws::{AmazonS3Builder, Checksum};
use url::{Url, form_urlencoded};

use crate::ConfigError;
use crate::location::{invalid, known_config};

/// Every key there is.
const KNOWN: [&str; 12] = [
    "region",
    "s3Url",
    "publicUrl",
    "s3ForcePathStyle",
    "kmsKeyId",
    "serverSideEncryption",
    "signatureVersion",
    "profile",
    "enableSharedConfig",
    "insecureSkipTLSVerify",
    "tagging",
    "checksumAlgorithm",
];

/// Keys that Velero's provider has and this one refuses, and what to do instead.
const REFUSED: [(&str, &str); 6] = [
    (
        "customerKeyEncryptionFile",
        "files encrypted with customer keys cannot be fetched through signed URLs; use kmsKeyId",
    ),
    (
        "customerKeyEncryptionSecret",
        "files encrypted with customer keys cannot be fetched through signed URLs; use kmsKeyId",
    ),
    ("credentialsFile", "name the Secret that holds the credentials in spec.credential"),
    ("bucket", "it belongs into spec.objectStorage.bucket"),
    ("prefix", "it belongs into spec.objectStorage.prefix"),
    ("caCert", "it belongs into spec.objectStorage.caCert or caCertRef"),
];

/// S3's limits for tags: how many an object has, and the lengths of their keys and values in characters (Velero keeps to 248).
const MAX_TAGS: usize = 10;
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 248;

/// The parsed configuration.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) region: Option<String>,
    pub(super) s3_url: Option<Url>,
    pub(super) public_url: Option<Url>,
    pub(super) force_path_style: bool,
    pub(super) insecure: bool,
    pub(super) profile: Option<String>,
    pub(super) tags: TagSet,
    checksum: Option<Checksum>,
    encryption: Option<Encryption>,
}

#[derive(Debug, PartialEq, Eq)]
struct Encryption {
    /// As S3 spells it.
    algorithm: String,
    key_id: Option<String>,
}

impl Options {
    /// Reads `spec.config`.
    pub(super) fn parse(raw: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        if let Some((key, reason)) = REFUSED.into_iter().find(|(key, _)| raw.contains_key(*key)) {
            return Err(ConfigError::Refused { key, reason: reason.to_owned() });
        }
        let config = known_config("aws", raw, &KNOWN)?;
        let text = |key: &str| config.get(key).map(|value| (*value).to_owned());
        Ok(Self {
            region: region(&config)?,
            s3_url: endpoint("s3Url", &config)?,
            public_url: endpoint("publicUrl", &config)?,
            force_path_style: boolean("s3ForcePathStyle", &config)?,
            insecure: boolean("insecureSkipTLSVerify", &config)?,
            profile: text("profile"),
            tags: tags(config.get("tagging").copied().unwrap_or_default())?,
            checksum: checksum(raw.get("checksumAlgorithm").map(String::as_str))?,
            encryption: encryption(text("kmsKeyId"), config.get("serverSideEncryption").copied())?,
        })
    }

    /// Sets what every request of the client needs.
    pub(super) fn apply(&self, mut builder: AmazonS3Builder) -> AmazonS3Builder {
        // Single deletes are part of every S3 implementation; the bulk request is not.
        builder = builder.with_disable_bulk_delete(true);
        if let Some(checksum) = self.checksum {
            builder = builder.with_checksum_algorithm(checksum);
        }
        if let Some(Encryption { algorithm, key_id }) = &self.encryption {
            // The keys of these settings have no public names, only their spelling.
            let settings =
                [("aws_server_side_encryption", Some(algorithm)), ("aws_sse_kms_key_id", key_id.as_ref())];
            for (key, value) in settings {
                if let (Ok(key), Some(value)) = (key.parse(), value) {
                    builder = builder.with_config(key, value);
                }
            }
        }
        builder
    }
}

/// A region becomes part of host names, so nothing else may be in it.
fn region(config: &BTreeMap<&str, &str>) -> Result<Option<String>, ConfigError> {
    match config.get("region") {
        Some(region) if !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') => {
            Err(invalid("region", region, "a region's name, for example eu-central-1"))
        }
        other => Ok(other.map(|region| (*region).to_owned())),
    }
}

fn endpoint(key: &'static str, config: &BTreeMap<&str, &str>) -> Result<Option<Url>, ConfigError> {
    let Some(value) = config.get(key) else { return Ok(None) };
    let wrong =
        || invalid(key, value, "a URL that starts with http:// or https:// and has nothing after the path");
    let url = Url::parse(value).map_err(|_| wrong())?;
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if ["http", "https"].contains(&url.scheme()) && url.has_host() && plain {
        Ok(Some(url))
    } else {
        Err(wrong())
    }
}

/// The spellings that Go's `strconv.ParseBool` takes.
fn boolean(key: &'static str, config: &BTreeMap<&str, &str>) -> Result<bool, ConfigError> {
    match config.get(key).copied() {
        None | Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
        Some(other) => Err(invalid(key, other, "true or false")),
    }
}

/// An explicitly empty value turns checksums off, for stores that do not know them. Without one, Velero sends CRC32 and a store
/// that Velero works with therefore takes a checksum; SHA-256 is computed for the signature anyway and costs nothing.
fn checksum(value: Option<&str>) -> Result<Option<Checksum>, ConfigError> {
    match value {
        Some("") => Ok(None),
        None | Some("SHA256" | "SHA1" | "CRC32" | "CRC32C") => Ok(Some(Checksum::SHA256)),
        Some("CRC64NVME") => Ok(Some(Checksum::CRC64NVME)),
        Some(other) => {
            Err(invalid("checksumAlgorithm", other, "SHA256, CRC64NVME, CRC32, CRC32C, SHA1 or empty"))
        }
    }
}

fn encryption(key_id: Option<String>, algorithm: Option<&str>) -> Result<Option<Encryption>, ConfigError> {
    if key_id.as_ref().is_some_and(|id| !id.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(invalid("kmsKeyId", &key_id.unwrap_or_default(), "an id, an alias or an ARN of a key"));
    }
    match (key_id, algorithm) {
        (None, None) => Ok(None),
        // Velero lets the key's id win over the algorithm.
        (Some(id), Some("aws:kms:dsse")) => {
            Ok(Some(Encryption { algorithm: "aws:kms:dsse".to_owned(), key_id: Some(id) }))
        }
        (Some(id), _) => Ok(Some(Encryption { algorithm: "aws:kms".to_owned(), key_id: Some(id) })),
        (None, Some(known @ ("AES256" | "aws:kms" | "aws:kms:dsse"))) => {
            Ok(Some(Encryption { algorithm: known.to_owned(), key_id: None }))
        }
        (None, Some(other)) => Err(invalid("serverSideEncryption", other, "AES256, aws:kms or aws:kms:dsse")),
    }
}

/// Tags in the form of a URL query, as the header wants them. One tag is enough here, where Velero insists on two.
fn tags(text: &str) -> Result<TagSet, ConfigError> {
    let mut tags = TagSet::default();
    if text.is_empty() {
        return Ok(tags);
    }
    if text.split('&').any(|pair| !pair.contains('=') || pair.starts_with('=')) {
        return Err(invalid("tagging", text, "tags in the form key=value&key=value"));
    }
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    let fits = |text: &str, max: usize| text.chars().count() <= max;
    if pairs.len() > MAX_TAGS || pairs.iter().any(|(k, v)| !fits(k, MAX_TAG_KEY) || !fits(v, MAX_TAG_VALUE)) {
        return Err(invalid(
            "tagging",
            text,
            "at most 10 tags with keys up to 128 and values up to 248 characters",
        ));
    }
    for (key, value) in pairs {
        tags.push(&key, &value);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Options, ConfigError> {
        Options::parse(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn defaults_and_every_supported_key() {
        let none = parse(&[]).unwrap();
        assert_eq!((none.checksum, none.encryption, none.insecure), (Some(Checksum::SHA256), None, false));
        let all = parse(&[
            ("region", "minio"),
            ("s3Url", "http://minio.velero.svc:9000"),
            ("publicUrl", "https://minio.example"),
            ("s3ForcePathStyle", "T"),
            ("insecureSkipTLSVerify", "1"),
            ("profile", "two"),
            ("kmsKeyId", "alias/k"),
            ("serverSideEncryption", "AES256"),
            ("checksumAlgorithm", ""),
            ("tagging", "a=1&b=x%20y"),
            ("signatureVersion", "1"),
            ("enableSharedConfig", "true"),
        ])
        .unwrap();
        assert_eq!(all.s3_url.unwrap().as_str(), "http://minio.velero.svc:9000/");
        assert!(all.force_path_style && all.insecure);
        assert_eq!(all.tags.encoded(), "a=1&b=x+y");
        assert_eq!(all.checksum, None);
        assert_eq!(all.encryption.unwrap().algorithm, "aws:kms");
        assert!(!parse(&[("s3ForcePathStyle", "")]).unwrap().force_path_style);
    }
}
