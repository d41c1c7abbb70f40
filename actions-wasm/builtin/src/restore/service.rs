//! `velero.io/service`: addresses and ports that the old cluster gave a Service go, those that somebody chose stay.
//!
//! Who chose a port is read off the record of `kubectl apply`, or else off the managed fields: a port that no manager set was given. A Restore with
//! `preserveNodePorts` keeps all ports.

mod chosen;

use lateen_action::{NoParams, Outcome, Value, context};
use serde::{Deserialize, de::IgnoredAny};

use super::{patch::Patch, spec::RestoreSpec};
use chosen::Chosen;

thread_local! {
    static RESTORE: RestoreSpec<Wishes> = const { RestoreSpec::new() };
}

/// What matters of the Restore.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wishes {
    preserve_node_ports: Option<bool>,
}

/// What matters of a Service.
#[derive(Deserialize)]
pub(crate) struct Service {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "kubectl.kubernetes.io/last-applied-configuration")]
    last_applied: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Option<IgnoredAny>,
    r#type: Option<String>,
    external_traffic_policy: Option<String>,
    health_check_node_port: Option<u64>,
    ports: Option<Vec<Port>>,
}

/// One entry of `spec.ports`.
#[derive(Deserialize)]
struct Port {
    name: Option<String>,
    #[serde(rename = "port")]
    number: Option<Value>,
    protocol: Option<String>,
    #[serde(rename = "nodePort")]
    node: Option<u64>,
}

/// Applies to every type of Service; one that has no address of its own (`None`) stays without.
pub(crate) fn restore(service: &Service, _: &NoParams) -> Result<Outcome, String> {
    RESTORE.with(|spec| {
        let wishes = spec.read(context::run_object)?;
        execute(service, wishes, context::item_from_backup)
    })
}

pub(super) fn execute(
    service: &Service,
    wishes: &Wishes,
    archived: impl Fn() -> Option<String>,
) -> Result<Outcome, String> {
    let spec = &service.spec;
    let mut patch = Patch::default();
    if spec.cluster_ip.as_deref() != Some("None") {
        if spec.cluster_ip.is_some() {
            patch.remove("/spec/clusterIP");
        }
        if spec.cluster_ips.is_some() {
            patch.remove("/spec/clusterIPs");
        }
    }
    if wishes.preserve_node_ports != Some(true) && spec.has_node_ports() {
        spec.remove_given(&Chosen::of(service, archived)?, &mut patch);
    }
    Ok(patch.outcome())
}

impl Spec {
    /// Whether there is any port at all about which somebody has to be asked.
    fn has_node_ports(&self) -> bool {
        self.node_ports().next().is_some() || self.checks_health()
    }

    /// The ports with a node port, with their places.
    fn node_ports(&self) -> impl Iterator<Item = (usize, &Port)> {
        let ports = self.ports.iter().flatten().filter(|_| self.r#type.as_deref() != Some("ExternalName"));
        ports.enumerate().filter(|(_, port)| port.node.is_some())
    }

    /// Whether the load balancer asks the nodes, at a port of their own.
    fn checks_health(&self) -> bool {
        self.r#type.as_deref() == Some("LoadBalancer")
            && self.external_traffic_policy.as_deref() == Some("Local")
            && self.health_check_node_port.is_some()
    }

    fn remove_given(&self, chosen: &Chosen, patch: &mut Patch) {
        for (place, port) in self.node_ports() {
            if !chosen.node_port(port) {
                patch.remove(&format!("/spec/ports/{place}/nodePort"));
            }
        }
        if self.checks_health() && !chosen.health_check_port() {
            patch.remove("/spec/healthCheckNodePort");
        }
    }
}
