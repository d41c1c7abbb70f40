//! How patient the HTTP client of a store is.
//!
//! Requests are repeated inside the client on server errors, broken connections and timeouts, with exponential backoff and
//! jitter; what is here are the limits of that.

use std::time::Duration;

use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use crate::location::LocationConfig;
use crate::{Cause, ConfigError};

/// How long a connection may take to come up, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take from the first byte to the last. The largest are parts of 256 MiB, which need about 1.1 MiB/s;
/// an ordinary part or segment of 8 MiB needs 35 KiB/s.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_mins(4);

/// How often a request is repeated: with waits of 0.2 s, doubled up to 15 s, eight repetitions bridge about 50 s of outage.
const MAX_RETRIES: usize = 8;

/// No repetition starts later than this: a little more than one request may take, so that a request that timed out gets one more
/// chance, and 270 + 240 s stay below the 15 minutes after which S3 refuses a signature (a repetition is not signed anew).
const RETRY_TIMEOUT: Duration = Duration::from_secs(270);

/// Waits between repetitions.
pub(crate) const BACKOFF: BackoffConfig = BackoffConfig {
    init_backoff: Duration::from_millis(200),
    max_backoff: Duration::from_secs(15),
    base: 2.0,
};

/// Idle connections kept for each host: more than one run uses at once.
const IDLE_CONNECTIONS: usize = 16;

/// The retries of ordinary requests, which may be repeated because they do the same when done twice.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig { backoff: BACKOFF, max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT }
}

/// The retries of a client whose requests must not be repeated blindly.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig { backoff: BACKOFF, max_retries: 0, retry_timeout: RETRY_TIMEOUT }
}

/// Options of the client: limits, and whom it trusts. `http://` is only used where the location's URL says so.
pub(crate) fn options(
    location: &LocationConfig,
    insecure: bool,
    plain_http: bool,
) -> Result<ClientOptions, ConfigError> {
    let mut options = ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_pool_max_idle_per_host(IDLE_CONNECTIONS)
        .with_allow_invalid_certificates(insecure)
        .with_allow_http(plain_http);
    if let Some(pem) = &location.ca_pem {
        let bundle = Certificate::from_pem_bundle(pem).map_err(|e| ConfigError::Client(Cause::new(&e)))?;
        if bundle.is_empty() {
            return Err(ConfigError::Client(Cause::text("the CA bundle has no certificate in PEM")));
        }
        for certificate in bundle {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}
