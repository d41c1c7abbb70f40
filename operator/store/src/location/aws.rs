//! Locations of provider `aws`: S3 and whatever speaks its protocol.
//!
//! | config key | here |
//! | --- | --- |
//! | `region` | as given; else the profile's, `AWS_REGION` or `us-east-1` with `s3Url`; else AWS is asked where the bucket is |
//! | `s3Url` | endpoint for everything, `http://` or `https://` |
//! | `publicUrl` | endpoint in signed URLs only |
//! | `s3ForcePathStyle` | the bucket in the path instead of the host name |
//! | `profile` | section of the credentials file, default `AWS_PROFILE` or `default` |
//! | `insecureSkipTLSVerify` | certificates are not checked |
//! | `kmsKeyId`, `serverSideEncryption` | sent with every upload: `AES256`, `aws:kms`, `aws:kms:dsse` |
//! | `checksumAlgorithm` | `SHA256` or `CRC64NVME` as named; Velero's other ones become `SHA256`, which every store that knows them knows too; empty means none; default `SHA256` |
//! | `tagging` | tags of every object, `a=1&b=2` |
//! | `signatureVersion`, `enableSharedConfig` | accepted without effect, as by Velero |
//! | `customerKeyEncryptionFile`, `customerKeyEncryptionSecret` | refused: links signed for the CLI could not be read with customer keys |
//! | `credentialsFile`, `bucket`, `prefix`, `caCert` | refused: they belong elsewhere in the location |
//!
//! Credentials: the location's Secret; else the server's shared credentials file; else variables, in the order static keys, web
//! identity (IRSA), container (EKS pod identity, ECS); else the instance's role. The first that is there is used, and when it does
//! not work nothing else is tried.

mod endpoint;
mod options;

use object_store::TagSet;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};

use self::endpoint::Endpoint;
use self::options::Options;
use super::credentials::profile;
use super::http;
use crate::location::{LocationConfig, StoreEnvironment, parse_bucket};
use crate::{Cause, ConfigError};

/// The region that endpoints other than AWS are addressed with when nobody named one.
const DEFAULT_REGION: &str = "us-east-1";

/// Variables that the client reads by itself when they are passed on, for credentials that are fetched and renewed.
const DYNAMIC_CREDENTIALS: [(&str, AmazonS3ConfigKey); 7] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
];

/// What an `aws` location consists of.
#[derive(Debug)]
pub(crate) struct AwsLocation {
    /// For everything that may be repeated.
    pub(crate) client: AmazonS3,
    /// For writes with a precondition, which are repeated with thought or not at all.
    pub(crate) conditional: AmazonS3,
    /// For signed URLs, possibly with another endpoint.
    pub(crate) public: AmazonS3,
    /// Tags of every object.
    pub(crate) tags: TagSet,
}

/// Reads the configuration and makes the clients; asks AWS for the region if it has to.
pub(crate) async fn open(
    location: &LocationConfig,
    environment: &StoreEnvironment,
) -> Result<AwsLocation, ConfigError> {
    let bucket = parse_bucket(&location.bucket)?;
    let options = Options::parse(&location.config)?;
    let plain_http =
        [&options.s3_url, &options.public_url].into_iter().flatten().any(|url| url.scheme() == "http");
    let http = http::options(location, options.insecure, plain_http)?;
    let builder =
        options.apply(AmazonS3Builder::new().with_bucket_name(&bucket).with_client_options(http.clone()));
    let (builder, profile_region) = credentials(builder, location, environment, &options)?;

    let variable = |name: &str| environment.variables.get(name).filter(|value| !value.is_empty()).cloned();
    let region = match (&options.region, &options.s3_url) {
        (Some(region), _) => region.clone(),
        (None, Some(_)) => profile_region
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned()),
        (None, None) => resolve_bucket_region(&bucket, &http)
            .await
            .map_err(|e| ConfigError::Region { bucket: bucket.clone(), source: Cause::new(&e) })?,
    };
    let builder = builder.with_region(region);
    let private =
        Endpoint::new(options.s3_url.as_ref(), &bucket, options.force_path_style).apply(builder.clone());
    let public_url = options.public_url.as_ref().or(options.s3_url.as_ref());
    let public = Endpoint::new(public_url, &bucket, options.force_path_style).apply(builder);

    let build = |builder: AmazonS3Builder| builder.build().map_err(|e| ConfigError::Client(Cause::new(&e)));
    Ok(AwsLocation {
        client: build(private.clone().with_retry(http::retries()))?,
        conditional: build(private.with_retry(http::no_retries()))?,
        public: build(public)?,
        tags: options.tags,
    })
}

/// Gives the builder the first credentials there are, and says which region came with them.
fn credentials(
    mut builder: AmazonS3Builder,
    location: &LocationConfig,
    environment: &StoreEnvironment,
    options: &Options,
) -> Result<(AmazonS3Builder, Option<String>), ConfigError> {
    let variable = |name: &str| environment.variables.get(name).filter(|value| !value.is_empty());
    if let Some(file) = location.credentials.as_ref().or(environment.shared_credentials.as_ref()) {
        let name =
            options.profile.as_deref().or(variable("AWS_PROFILE").map(String::as_str)).unwrap_or("default");
        let found = profile(file, name)?;
        builder =
            builder.with_access_key_id(found.access_key_id).with_secret_access_key(found.secret_access_key);
        if let Some(token) = found.session_token {
            builder = builder.with_token(token);
        }
        return Ok((builder, found.region));
    }
    if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        if let Some(token) = variable("AWS_SESSION_TOKEN") {
            builder = builder.with_token(token);
        }
        return Ok((builder, None));
    }
    for (name, key) in DYNAMIC_CREDENTIALS {
        if let Some(value) = variable(name) {
            builder = builder.with_config(key, value);
        }
    }
    Ok((builder, None))
}
