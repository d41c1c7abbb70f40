//! Kubeconfig files.
//!
//! Written as JSON, which every reader of kubeconfigs takes as the YAML that it is; everything they need is inside
//! (no paths), so that they can be copied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How somebody proves who they are.
pub(crate) enum Credential<'a> {
    /// A client certificate and its key, PEM.
    Certificate { certificate: &'a str, key: &'a str },
    /// A bearer token.
    Token(&'a str),
}

/// The text of a kubeconfig with one cluster, one user and one context.
pub(crate) fn render(
    server: &str,
    ca: &str,
    user: &str,
    namespace: &str,
    credential: &Credential<'_>,
) -> String {
    let credential = match credential {
        Credential::Certificate { certificate, key } => {
            json!({ "client-certificate-data": STANDARD.encode(certificate), "client-key-data": STANDARD.encode(key) })
        }
        Credential::Token(token) => json!({ "token": token }),
    };
    let config: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{
            "name": "test",
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca) },
        }],
        "users": [{ "name": user, "user": credential }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": user, "namespace": namespace } }],
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::config::Kubeconfig;

    #[test]
    fn what_is_written_is_what_a_client_reads() {
        let text = render("https://127.0.0.1:6443", "CA", "backup:server", "velero", &Credential::Token("t"));
        let config = Kubeconfig::from_yaml(&text).unwrap();
        let [context] = config.contexts.as_slice() else { panic!("one context") };
        assert_eq!(config.current_context.as_deref(), Some(context.name.as_str()));
        assert_eq!(context.context.as_ref().unwrap().namespace.as_deref(), Some("velero"));
        let cluster = config.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("Q0E="));
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:6443"));
    }
}
