//! From the kind that stands in an object to the plural and group that actions are matched by.
//!
//! A server asks the cluster for this. Here there is none, so the kinds of Kubernetes itself come from a table, and all others are guessed by
//! the rule that kubectl falls back on; a guess is told.

/// How the API server calls a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// API group, `""` for the core group.
    pub(crate) group: String,
    /// API version without the group.
    pub(crate) version: String,
    /// Plural, lower case.
    pub(crate) plural: String,
    /// By the rule, not from the table.
    pub(crate) guessed: bool,
}

/// Kinds of Kubernetes 1.33 by group; their plural follows the rule but for the exceptions below.
const KNOWN: [(&str, &[&str]); 20] = [
    (
        "",
        &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("apps", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("batch", &["CronJob", "Job"]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("coordination.k8s.io", &["Lease", "LeaseCandidate"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("events.k8s.io", &["Event"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    (
        "gateway.networking.k8s.io",
        &[
            "Gateway",
            "GatewayClass",
            "GRPCRoute",
            "HTTPRoute",
            "ReferenceGrant",
            "TCPRoute",
            "TLSRoute",
            "UDPRoute",
        ],
    ),
    ("networking.k8s.io", &["Ingress", "IngressClass", "IPAddress", "NetworkPolicy", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("snapshot.storage.k8s.io", &["VolumeSnapshot", "VolumeSnapshotClass", "VolumeSnapshotContent"]),
    (
        "storage.k8s.io",
        &[
            "CSIDriver",
            "CSINode",
            "CSIStorageCapacity",
            "StorageClass",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
];

/// Where the rule is wrong.
const EXCEPTIONS: [(&str, &str); 2] = [("Endpoints", "endpoints"), ("Gateway", "gateways")];

/// Those of the kinds above whose objects live in no namespace.
const CLUSTER_SCOPED: [&str; 29] = [
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTrustBundle",
    "ComponentStatus",
    "CustomResourceDefinition",
    "FlowSchema",
    "GatewayClass",
    "IPAddress",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "ServiceCIDR",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// The kinds of Kubernetes' own in a group, and whether their objects live in namespaces.
pub(crate) fn known(group: &str) -> impl Iterator<Item = (&'static str, bool)> {
    let kinds = KNOWN.iter().filter(move |(known, _)| *known == group).flat_map(|(_, kinds)| kinds.iter());
    kinds.map(|kind| (*kind, !CLUSTER_SCOPED.contains(kind) && !kind.starts_with("VolumeSnapshotC")))
}

impl Resource {
    /// Of an object with this `apiVersion` and `kind`. `--resource` of the command line, `plural` or `plural.group`, wins over both.
    pub(crate) fn of(api_version: &str, kind: &str, given: Option<&str>) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        if let Some(given) = given {
            let (plural, group) = given.split_once('.').unwrap_or((given, group));
            return Self {
                group: group.to_owned(),
                version: version.to_owned(),
                plural: plural.to_owned(),
                guessed: false,
            };
        }
        let known = KNOWN.iter().any(|(known, kinds)| *known == group && kinds.contains(&kind));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural(kind, known),
            guessed: !known,
        }
    }
}

/// kubectl's rule: lower case, and English grammar as a machine knows it.
pub(crate) fn plural(kind: &str, known: bool) -> String {
    if let Some((_, plural)) = EXCEPTIONS.iter().find(|(exception, _)| known && *exception == kind) {
        return (*plural).to_owned();
    }
    let singular = kind.to_lowercase();
    match singular.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if singular.ends_with('s') => format!("{singular}es"),
        None => format!("{singular}s"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("v1", "Pod", "pods", false)]
    #[case("v1", "Endpoints", "endpoints", false)]
    #[case("networking.k8s.io/v1", "Ingress", "ingresses.networking.k8s.io", false)]
    #[case("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies.networking.k8s.io", false)]
    #[case("gateway.networking.k8s.io/v1", "Gateway", "gateways.gateway.networking.k8s.io", false)]
    #[case("storage.k8s.io/v1", "StorageClass", "storageclasses.storage.k8s.io", false)]
    #[case("example.com/v1", "Deployment", "deployments.example.com", true)]
    #[case("example.com/v1", "Policy", "policies.example.com", true)]
    fn kinds_have_their_plural(
        #[case] api_version: &str,
        #[case] kind: &str,
        #[case] wanted: &str,
        #[case] guessed: bool,
    ) {
        let resource = Resource::of(api_version, kind, None);
        let (plural, group) = wanted.split_once('.').unwrap_or((wanted, ""));
        assert_eq!((resource.plural.as_str(), resource.group.as_str()), (plural, group));
        assert_eq!(resource.guessed, guessed);
    }

    #[test]
    fn the_command_line_wins() {
        let resource = Resource::of("example.com/v2", "Sheep", Some("sheep"));
        assert_eq!((resource.plural.as_str(), resource.group.as_str()), ("sheep", "example.com"));
        assert_eq!((resource.version.as_str(), resource.guessed), ("v2", false));
        assert_eq!(Resource::of("v1", "X", Some("sheep.farm.example")).group, "farm.example");
    }
}
