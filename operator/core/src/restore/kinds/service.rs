//! Services: addresses and ports that the old cluster gave go, those that somebody chose stay.
//!
//! Who chose a port is read off the record of `kubectl apply`, or else off the managed fields: a port that no manager set was given.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{KindContext, KindError, KindOutcome, list, text};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Applies to every type of Service; one without an address of its own (`None`) stays without.
pub(super) fn service(object: &mut Value, context: &KindContext<'_>) -> Result<KindOutcome, KindError> {
    if text(object, "/spec/clusterIP") != "None"
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    if !context.preserve_node_ports {
        let applied = last_applied(context.pristine)?;
        remove_given_node_ports(object, context.pristine, applied.as_ref());
        remove_given_health_check_port(object, context.pristine, applied.as_ref());
    }
    Ok(KindOutcome::default())
}

fn last_applied(pristine: &Value) -> Result<Option<Value>, KindError> {
    let annotations = pristine.pointer("/metadata/annotations");
    let record = annotations.and_then(|annotations| annotations.get(LAST_APPLIED)).and_then(Value::as_str);
    let parsed = record.filter(|record| !record.is_empty()).map(serde_json::from_str).transpose();
    parsed.map_err(|source| KindError::Annotation { annotation: LAST_APPLIED, source })
}

fn remove_given_node_ports(object: &mut Value, pristine: &Value, applied: Option<&Value>) {
    if text(object, "/spec/type") == "ExternalName" {
        return;
    }
    let chosen = applied.map(ChosenPorts::of_record);
    for port in list(object, "/spec/ports") {
        let kept = match &chosen {
            Some(chosen) => chosen.has(port),
            None => is_managed(pristine, &["f:spec", "f:ports", &managed_key(port), "f:nodePort"]),
        };
        if !kept && let Some(port) = port.as_object_mut() {
            port.remove("nodePort");
        }
    }
}

fn remove_given_health_check_port(object: &mut Value, pristine: &Value, applied: Option<&Value>) {
    let balanced = text(object, "/spec/type") == "LoadBalancer"
        && text(object, "/spec/externalTrafficPolicy") == "Local";
    let in_record =
        applied.and_then(|record| record.pointer("/spec/healthCheckNodePort")).and_then(port_number);
    let chosen = in_record.is_some() || is_managed(pristine, &["f:spec", "f:healthCheckNodePort"]);
    if balanced
        && !chosen
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.remove("healthCheckNodePort");
    }
}

/// Node ports in the record of what was applied: of named ports the names, of others the numbers.
struct ChosenPorts {
    names: BTreeSet<String>,
    numbers: BTreeSet<u64>,
}

impl ChosenPorts {
    fn of_record(record: &Value) -> Self {
        let ports = record.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
        let mut chosen = Self { names: BTreeSet::new(), numbers: BTreeSet::new() };
        for port in ports {
            let Some(number) = port.get("nodePort").and_then(port_number) else { continue };
            match text(port, "/name") {
                "" => chosen.numbers.insert(number),
                name => chosen.names.insert(name.to_owned()),
            };
        }
        chosen
    }

    fn has(&self, port: &Value) -> bool {
        match text(port, "/name") {
            "" => port
                .get("nodePort")
                .and_then(port_number)
                .is_some_and(|number| self.numbers.contains(&number)),
            name => self.names.contains(name),
        }
    }
}

/// A port above zero, written as a number or as text.
fn port_number(value: &Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.filter(|number| *number > 0)
}

/// The key of a port in managed fields. Written by hand because the order of the two keys matters.
fn managed_key(port: &Value) -> String {
    let protocol = port.get("protocol").cloned().unwrap_or_else(|| json!("TCP"));
    format!("k:{{\"port\":{},\"protocol\":{protocol}}}", port.get("port").unwrap_or(&Value::Null))
}

fn is_managed(pristine: &Value, path: &[&str]) -> bool {
    let entries = pristine.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let mut owned = entries.filter_map(|entry| entry.get("fieldsV1"));
    owned.any(|fields| path.iter().try_fold(fields, |fields, key| fields.get(*key)).is_some())
}
