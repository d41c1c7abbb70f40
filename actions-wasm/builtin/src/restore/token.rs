//! `velero.io/secret` and `velero.io/service-account`: tokens that the old cluster made for a service account by itself are not restored, and the account
//! forgets them; the new cluster gives tokens in its own way. A token that somebody asked for is restored without its content, which the new cluster
//! fills in.
//!
//! Which of them it is, its name tells: the old controller made names of the account's, `-token-` and five letters of its own alphabet. That does not depend
//! on what is in the new cluster already, nor on what its namespace is called there.

use lateen_action::{NoParams, Outcome, cluster::KindOf, context};
use serde::{Deserialize, de::IgnoredAny};

use super::patch::Patch;
use crate::cluster::{Cluster, Host};

/// Letters at the end of a name that was made up.
const SUFFIX: usize = 5;

/// What matters of a Secret. Its values are not read.
#[derive(Deserialize)]
pub(crate) struct Secret {
    metadata: SecretMetadata,
    #[serde(default)]
    r#type: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct SecretMetadata {
    name: String,
    namespace: Option<String>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "kubernetes.io/service-account.name")]
    account: Option<String>,
    #[serde(rename = "kubernetes.io/service-account.uid")]
    uid: Option<IgnoredAny>,
}

/// What a cluster fills in.
#[derive(Deserialize)]
struct Data {
    token: Option<IgnoredAny>,
    #[serde(rename = "ca.crt")]
    ca: Option<IgnoredAny>,
}

/// What matters of a service account.
#[derive(Deserialize)]
pub(crate) struct ServiceAccount {
    metadata: AccountMetadata,
    secrets: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct AccountMetadata {
    name: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    name: String,
}

/// A Secret of any other type stays as it is.
pub(crate) fn secret(secret: &Secret, _: &NoParams) -> Result<Outcome, String> {
    execute(secret, || context::this_item().target_namespace, &Host)
}

pub(super) fn execute(
    secret: &Secret,
    target: impl Fn() -> Option<String>,
    cluster: &impl Cluster,
) -> Result<Outcome, String> {
    let Secret { metadata, r#type, data } = secret;
    if r#type != "kubernetes.io/service-account-token" {
        return Ok(Outcome::unchanged());
    }
    let annotations = metadata.annotations.as_ref();
    let account = annotations.and_then(|annotations| annotations.account.as_deref());
    let account = account.filter(|account| !account.is_empty());
    if let Some(account) = account.filter(|account| is_made_up(&metadata.name, account)) {
        return Ok(Outcome::skip(format!(
            "it is a token that the old cluster made by itself for the service account {account}"
        )));
    }
    let mut patch = Patch::default();
    if annotations.is_some_and(|annotations| annotations.uid.is_some()) {
        patch.remove("/metadata/annotations/kubernetes.io~1service-account.uid");
    }
    if data.as_ref().is_some_and(|data| data.token.is_some()) {
        patch.remove("/data/token");
    }
    if data.as_ref().is_some_and(|data| data.ca.is_some()) {
        patch.remove("/data/ca.crt");
    }
    let outcome = patch.outcome();
    // A cluster deletes a token whose account it does not have.
    Ok(match account {
        Some(account) if !has_account(cluster, target().as_deref(), account)? => {
            outcome.also("", "serviceaccounts", metadata.namespace.as_deref(), account)
        }
        _ => outcome,
    })
}

fn has_account(cluster: &impl Cluster, namespace: Option<&str>, name: &str) -> Result<bool, String> {
    let account: Option<IgnoredAny> = cluster.get(KindOf::new("", "serviceaccounts"), namespace, name)?;
    Ok(account.is_some())
}

/// All references to tokens that the old cluster made go.
pub(crate) fn service_account(account: &ServiceAccount, _: &NoParams) -> Result<Outcome, String> {
    let ServiceAccount { metadata, secrets } = account;
    let mut patch = Patch::default();
    patch.remove_from("/secrets", secrets.as_ref(), |secret| is_made_up(&secret.name, &metadata.name));
    Ok(patch.outcome())
}

/// Whether a cluster made this name for a token of the account. It takes neither vowels, which could make words of it, nor `y`.
fn is_made_up(name: &str, account: &str) -> bool {
    let suffix = name.strip_prefix(account).and_then(|rest| rest.strip_prefix("-token-"));
    let letter =
        |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"aeiouy".contains(&byte));
    suffix.is_some_and(|suffix| suffix.len() == SUFFIX && suffix.bytes().all(letter))
}
