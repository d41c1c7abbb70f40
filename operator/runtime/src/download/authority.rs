//! The certificate authority of the download endpoint: one root, one certificate, made when the server starts.
//!
//! The root's key signs once and is forgotten, so that the root, which people add to what they trust, can vouch for nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, version};
use url::{Host, Url};

/// How long the certificates are good for: longer than any process runs, because nothing renews them.
const VALID_FOR: Duration = Duration::from_hours(10 * 365 * 24);

/// How long before now they begin, for clients whose clock is behind.
const CLOCK_SKEW: Duration = Duration::from_hours(1);

/// A root and what it signed.
pub(super) struct Authority {
    /// The root's certificate.
    pub(super) ca_pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Makes an authority and a certificate for the host of `base`, for `listen`, and for this machine's own names.
    pub(super) fn generate(base: &Url, listen: IpAddr, now: SystemTime) -> anyhow::Result<Self> {
        let mut root = params(Vec::new(), "Lateen downloads CA", now)?;
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let root_key = KeyPair::generate().context("cannot generate the key of the downloads CA")?;
        let root_certificate = root.self_signed(&root_key).context("cannot make the downloads CA")?;

        let mut leaf = params(names(base, listen), "Lateen downloads", now)?;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let leaf_key = KeyPair::generate().context("cannot generate the key of the download endpoint")?;
        let leaf_certificate = leaf
            .signed_by(&leaf_key, &Issuer::from_params(&root, &root_key))
            .context("cannot make the certificate of the download endpoint")?;
        Ok(Self {
            ca_pem: root_certificate.pem(),
            certificate: leaf_certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into(),
        })
    }

    /// TLS 1.2 and 1.3 with this certificate, HTTP/1.1 only.
    pub(super) fn tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .context("cannot set up TLS for downloads")?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .context("cannot use the certificate of the download endpoint")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn params(names: Vec<String>, title: &str, now: SystemTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).context("a name cannot be part of a certificate")?;
    params.distinguished_name.push(DnType::CommonName, title);
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + VALID_FOR).into();
    Ok(params)
}

/// Every name that a client may have used, each once.
fn names(base: &Url, listen: IpAddr) -> Vec<String> {
    let mut names =
        vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    names.extend(match base.host() {
        Some(Host::Domain(name)) => Some(name.to_owned()),
        Some(Host::Ipv4(ip)) => Some(ip.to_string()),
        Some(Host::Ipv6(ip)) => Some(ip.to_string()),
        None => None,
    });
    if !listen.is_unspecified() {
        names.push(listen.to_string());
    }
    names.sort_unstable();
    names.dedup();
    names
}
