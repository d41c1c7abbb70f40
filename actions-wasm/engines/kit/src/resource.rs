//! Resources as authors write them: `configmaps`, `deployments.apps`, `deployments.v1.apps`.

use crate::{ObjectRef, bindings::lateen::item_action::cluster_types::KindOf};

/// Reads a resource: plural, then perhaps a version, then the group. Nothing is wrong here: what does not exist the host says.
pub fn kind(resource: &str) -> KindOf {
    let (plural, rest) = resource.split_once('.').unwrap_or((resource, ""));
    let (first, tail) = rest.split_once('.').unwrap_or((rest, ""));
    let (version, group) = if is_version(first) { (Some(first.to_owned()), tail) } else { (None, rest) };
    KindOf { group: group.to_owned(), version, resource: plural.to_owned() }
}

/// An object to come along. The empty namespace is none; a version is dropped, since the engine knows which one it uses.
pub fn object_ref(resource: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    let KindOf { group, resource, .. } = kind(resource);
    ObjectRef { group, resource, namespace: some(namespace), name: name.to_owned() }
}

/// A namespace; the empty one is none.
pub(crate) fn some(namespace: Option<&str>) -> Option<String> {
    namespace.filter(|namespace| !namespace.is_empty()).map(str::to_owned)
}

/// `v1`, `v2beta1`: what Kubernetes calls versions.
fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else { return false };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let pre = digits.strip_prefix("alpha").or_else(|| digits.strip_prefix("beta"));
    let numbered = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.len() < rest.len() && (digits.is_empty() || pre.is_some_and(numbered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_from_a_group() {
        let cases = [
            ("pods", ("pods", None, "")),
            ("pods.v1", ("pods", Some("v1"), "")),
            ("deployments.apps", ("deployments", None, "apps")),
            ("deployments.v1.apps", ("deployments", Some("v1"), "apps")),
            ("widgets.v2beta1.example.com", ("widgets", Some("v2beta1"), "example.com")),
            ("widgets.vendor.example.com", ("widgets", None, "vendor.example.com")),
            ("widgets.v1x.io", ("widgets", None, "v1x.io")),
        ];
        for (text, expected) in cases {
            let read = kind(text);
            assert_eq!((&*read.resource, read.version.as_deref(), &*read.group), expected, "{text}");
        }
        let object = object_ref("deployments.v1.apps", Some(""), "web");
        assert_eq!((&*object.group, object.namespace), ("apps", None));
    }
}
