//! The keys and certificates of one cluster: a certificate authority, one serving certificate, users, service accounts.
//!
//! Everything is made anew for each cluster and dies with its directory. Keys are P-256: quick to make, and every part takes them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// Under which names the parts are reached: from this machine, and by the service's name as pods would.
const NAMES: [&str; 4] = ["127.0.0.1", "localhost", "kubernetes.default.svc", "kubernetes"];

/// The certificate authority, and where the files for the parts are.
pub(crate) struct Pki {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    ca: String,
}

/// A certificate and its key, both PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pki {
    /// Makes the authority and writes what the parts read into `directory`.
    pub(crate) fn create(directory: PathBuf) -> Result<Self> {
        fs::create_dir(&directory).context("make the directory for keys")?;
        let key = KeyPair::generate().context("make the authority's key")?;
        let mut params = params(&[], "lateen-test-cluster", None)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = params.self_signed(&key).context("sign the authority's certificate")?.pem();
        let this = Self { directory, issuer: Issuer::new(params, key), ca };

        // One certificate for all parts: each is a server on 127.0.0.1, and the API server is a client of etcd.
        let serving = this.issue(&NAMES, "lateen-test-cluster-part", None)?;
        let accounts = KeyPair::generate().context("make the key of the service accounts")?;
        for (file, text) in [
            (this.ca_file(), this.ca.as_str()),
            (this.certificate_file(), &serving.certificate),
            (this.key_file(), &serving.key),
            (this.account_key_file(), &accounts.serialize_pem()),
            (this.account_public_key_file(), &accounts.public_key_pem()),
        ] {
            fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        }
        Ok(this)
    }

    /// A client certificate by which the API server knows `user` as a member of `group`. A certificate of rcgen has one
    /// organization at most, so nobody is in two groups.
    pub(crate) fn user(&self, user: &str, group: Option<&str>) -> Result<Identity> {
        self.issue(&[], user, group)
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.file("ca.crt")
    }

    pub(crate) fn certificate_file(&self) -> PathBuf {
        self.file("serving.crt")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.file("serving.key")
    }

    pub(crate) fn account_key_file(&self) -> PathBuf {
        self.file("service-accounts.key")
    }

    pub(crate) fn account_public_key_file(&self) -> PathBuf {
        self.file("service-accounts.pub")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn issue(&self, names: &[&str], common_name: &str, organization: Option<&str>) -> Result<Identity> {
        let key = KeyPair::generate().with_context(|| format!("make a key for {common_name}"))?;
        let mut params = params(names, common_name, organization)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !names.is_empty() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let certificate = params
            .signed_by(&key, &self.issuer)
            .with_context(|| format!("sign the certificate of {common_name}"))?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn params(names: &[&str], common_name: &str, organization: Option<&str>) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).context("name a certificate")?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    Ok(params)
}
