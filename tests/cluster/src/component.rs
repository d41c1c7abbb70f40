//! The command lines of the parts: which flags each is started with, and why.
//!
//! Pure: everything that differs between two clusters comes in with a [`Site`].

use std::path::{Path, PathBuf};

use crate::pki::Pki;
use crate::s3::S3;

/// Where one cluster lives.
pub(crate) struct Site {
    pub(crate) directory: PathBuf,
    pub(crate) etcd_port: u16,
    pub(crate) api_port: u16,
    pub(crate) kwok_port: u16,
}

impl Site {
    /// Where the API server is.
    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }

    /// The administrator's kubeconfig, which the parts use as well: rights inside the control plane are not what is tested with it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    pub(crate) fn kwok_config(&self) -> PathBuf {
        self.directory.join("kwok.yaml")
    }

    /// Where commands run that somebody executes in a pod.
    pub(crate) fn exec_directory(&self) -> PathBuf {
        self.directory.join("exec")
    }

    /// The folder whose folders are buckets.
    pub(crate) fn s3_directory(&self) -> PathBuf {
        self.directory.join("buckets")
    }

    /// What the S3 server knows about objects besides their bytes; apart from them, because not every file system has attributes.
    pub(crate) fn s3_metadata_directory(&self) -> PathBuf {
        self.directory.join("s3-metadata")
    }

    pub(crate) fn etcd(&self, pki: &Pki) -> Vec<String> {
        let clients = format!("https://127.0.0.1:{}", self.etcd_port);
        // A single member talks to no peer: the kernel may choose the port, and nobody need know which.
        let peers = "http://127.0.0.1:0";
        vec![
            flag("data-dir", self.directory.join("etcd")),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            // Certificates on both sides: no API server can end up with the store of another cluster.
            "--client-cert-auth".into(),
            flag("trusted-ca-file", pki.ca_file()),
            flag("cert-file", pki.certificate_file()),
            flag("key-file", pki.key_file()),
            // What a power cut would lose is thrown away anyway.
            "--unsafe-no-fsync".into(),
            "--log-level=warn".into(),
        ]
    }

    pub(crate) fn kube_apiserver(&self, pki: &Pki) -> Vec<String> {
        vec![
            format!("--etcd-servers=https://127.0.0.1:{}", self.etcd_port),
            flag("etcd-cafile", pki.ca_file()),
            flag("etcd-certfile", pki.certificate_file()),
            flag("etcd-keyfile", pki.key_file()),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            // No pod ever connects to the service `kubernetes`, and its endpoints may not be on the loopback.
            "--endpoint-reconciler-type=none".into(),
            format!("--secure-port={}", self.api_port),
            flag("tls-cert-file", pki.certificate_file()),
            flag("tls-private-key-file", pki.key_file()),
            flag("client-ca-file", pki.ca_file()),
            "--authorization-mode=Node,RBAC".into(),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
            flag("service-account-key-file", pki.account_public_key_file()),
            flag("service-account-signing-key-file", pki.account_key_file()),
            "--service-cluster-ip-range=10.96.0.0/16".into(),
            // `exec` goes to the address that the node gives, not to its name, which nobody can resolve.
            "--kubelet-preferred-address-types=InternalIP".into(),
            flag("kubelet-certificate-authority", pki.ca_file()),
            "--allow-privileged=true".into(),
            "--profiling=false".into(),
        ]
    }

    pub(crate) fn kube_controller_manager(&self, pki: &Pki) -> Vec<String> {
        vec![
            flag("kubeconfig", self.kubeconfig()),
            // One instance, whose health nobody asks for: no lease to wait for, no port to lose.
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
            flag("root-ca-file", pki.ca_file()),
            flag("service-account-private-key-file", pki.account_key_file()),
            "--profiling=false".into(),
            // Tests make and delete namespaces all the time, and wait for it.
            "--kube-api-qps=300".into(),
            "--kube-api-burst=500".into(),
            "--concurrent-namespace-syncs=20".into(),
            "--pvclaimbinder-sync-period=2s".into(),
        ]
    }

    pub(crate) fn kube_scheduler(&self) -> Vec<String> {
        vec![
            flag("kubeconfig", self.kubeconfig()),
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
            "--profiling=false".into(),
            "--kube-api-qps=300".into(),
            "--kube-api-burst=500".into(),
        ]
    }

    pub(crate) fn kwok(&self, pki: &Pki) -> Vec<String> {
        vec![
            flag("kubeconfig", self.kubeconfig()),
            flag("config", self.kwok_config()),
            "--manage-all-nodes=true".into(),
            "--node-ip=127.0.0.1".into(),
            format!("--node-port={}", self.kwok_port),
            format!("--server-address=127.0.0.1:{}", self.kwok_port),
            "--cidr=10.244.0.0/16".into(),
            "--node-lease-duration-seconds=40".into(),
            flag("tls-cert-file", pki.certificate_file()),
            flag("tls-private-key-file", pki.key_file()),
            "--v=warn".into(),
        ]
    }

    /// The keys go into the environment ([`s3_environment`]): arguments are for everybody on this machine to see.
    pub(crate) fn versitygw(&self, s3: &S3) -> Vec<String> {
        vec![
            format!("--port=127.0.0.1:{}", s3.port),
            format!("--region={}", s3.region),
            format!("--health={}", s3.health_path),
            "--quiet".into(),
            "posix".into(),
            flag("sidecar", self.s3_metadata_directory()),
            self.s3_directory().display().to_string(),
        ]
    }
}

/// Who may use the S3 server.
pub(crate) fn s3_environment(s3: &S3) -> [(&'static str, &str); 2] {
    [("ROOT_ACCESS_KEY", &s3.access_key), ("ROOT_SECRET_KEY", &s3.secret_key)]
}

fn flag(name: &str, path: impl AsRef<Path>) -> String {
    format!("--{name}={}", path.as_ref().display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki::create(directory.path().join("pki")).unwrap();
        let site = Site { directory: directory.path().into(), etcd_port: 1, api_port: 2, kwok_port: 3 };
        let mut s3 = S3::new(4);
        s3.health_path = "/health-RANDOM".into();
        let lines = [
            ("etcd", site.etcd(&pki)),
            ("kube-apiserver", site.kube_apiserver(&pki)),
            ("kube-controller-manager", site.kube_controller_manager(&pki)),
            ("kube-scheduler", site.kube_scheduler()),
            ("kwok", site.kwok(&pki)),
            ("versitygw", site.versitygw(&s3)),
        ];
        let lines: Vec<_> =
            lines.iter().map(|(name, arguments)| format!("{name}\n  {}\n", arguments.join("\n  "))).collect();
        let text = lines.concat();

        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../../snapshots/test-cluster");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(text.replace(&*directory.path().to_string_lossy(), "DIR")));
    }
}
