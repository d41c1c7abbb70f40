//! What can go wrong, by what the caller can do about it, and the cleaning of messages that come from elsewhere.
//!
//! Messages of a store end up in the status of custom resources, where more people read them than may see credentials, and
//! where text that changes at every attempt causes needless writes. [`Cause`] therefore holds cleaned text, not the error.

mod cause;

pub use cause::Cause;

/// Why a location cannot be opened. Nothing was written; the location's author has to change something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigError {
    /// The provider is not one of ours.
    #[error("provider {0:?} is not supported, only aws (velero.io/aws) and file (lateen.dev/file) are")]
    UnknownProvider(String),
    /// Keys in `spec.config` that the provider does not have.
    #[error("provider {provider} has no config keys {keys}; it has {known}")]
    UnknownKeys {
        /// The provider's short name.
        provider: &'static str,
        /// The offenders, joined by commas.
        keys: String,
        /// What exists, joined by commas.
        known: String,
    },
    /// A key that Velero's provider has and this one does not.
    #[error("config key {key} is not supported: {reason}")]
    Refused {
        /// The key.
        key: &'static str,
        /// Why, and what to do instead.
        reason: String,
    },
    /// A value that cannot be read.
    #[error("{key} is {value:?}, but it should be {expected}")]
    InvalidValue {
        /// Which field or config key.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        expected: &'static str,
    },
    /// The credentials cannot be used. No secret is part of the message.
    #[error("the credentials cannot be used: {0}")]
    Credentials(String),
    /// The directory of a `file` location is missing or not allowed.
    #[error("the directory of the location cannot be used: {0}")]
    Directory(String),
    /// The region of a bucket could not be asked for.
    #[error("cannot find out the region of bucket {bucket}; set the config key region")]
    Region {
        /// The bucket.
        bucket: String,
        /// What happened.
        source: Cause,
    },
    /// The client could not be made.
    #[error("cannot set up the client of the location")]
    Client(#[source] Cause),
}

/// Why an operation on an open store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// There is nothing at this key.
    #[error("there is no {key} in the location")]
    NotFound {
        /// The key.
        key: String,
    },
    /// Somebody wrote it before.
    #[error("{key} exists already")]
    AlreadyExists {
        /// The key.
        key: String,
    },
    /// Somebody changed or removed it in between.
    #[error("{key} was changed by somebody else")]
    Changed {
        /// The key.
        key: String,
    },
    /// The location's access mode is `ReadOnly` and this would write a backup.
    #[error("location {location} is read-only")]
    ReadOnly {
        /// The location's name.
        location: String,
    },
    /// More bytes than this operation takes.
    #[error("{key} has more than {limit} bytes")]
    TooLarge {
        /// The key.
        key: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Directories at the top that are not part of the layout.
    #[error(
        "the location has directories that do not belong to a backup store: {names}; it needs a bucket or a prefix of its own"
    )]
    ForeignDirectories {
        /// Up to three names, and how many more.
        names: String,
    },
    /// The store did not let us.
    #[error("not allowed to {action}")]
    Denied {
        /// What was tried.
        action: String,
        /// What the store said.
        source: Cause,
    },
    /// Some of many things failed, the others were done.
    #[error("cannot {action}: {failed} of {all} failed, among them: {examples}")]
    Incomplete {
        /// What was tried.
        action: String,
        /// How many failed.
        failed: usize,
        /// How many there were.
        all: usize,
        /// The first few, with their reasons.
        examples: String,
    },
    /// The store took too long, retries included.
    #[error("gave up after {seconds} s trying to {action}")]
    TimedOut {
        /// What was tried.
        action: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// The store cannot do this as it is configured.
    #[error("cannot {action}: {reason}")]
    Unsupported {
        /// What was tried.
        action: String,
        /// Why not.
        reason: String,
    },
    /// Anything else, retries included.
    #[error("cannot {action}")]
    Failed {
        /// What was tried.
        action: String,
        /// What the store said.
        source: Cause,
    },
}

impl StoreError {
    /// Sorts an error of the object store by what a caller can do; `action` completes "cannot ...".
    pub(crate) fn new(action: &str, key: &str, error: &object_store::Error) -> Self {
        use object_store::Error as E;
        let key = key.to_owned();
        match error {
            E::NotFound { .. } if !Cause::says_no_bucket(error) => Self::NotFound { key },
            E::AlreadyExists { .. } => Self::AlreadyExists { key },
            E::Precondition { .. } => Self::Changed { key },
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
                Self::Denied { action: format!("{action} {key}"), source: Cause::new(error) }
            }
            _ => {
                let (action, source) = (format!("{action} {key}"), Cause::new(error));
                // Listings lose the kind of their error on the way.
                if source.says_denied() {
                    return Self::Denied { action, source };
                }
                Self::Failed { action, source }
            }
        }
    }
}
