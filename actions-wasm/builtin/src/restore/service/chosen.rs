//! Which ports of a Service somebody chose.

use std::collections::BTreeSet;

use lateen_action::{Value, json};
use serde::Deserialize;

use super::{Port, Service};

/// What tells the choice.
pub(super) enum Chosen {
    /// The record of `kubectl apply`.
    Applied(Applied),
    /// Who set which field, of one manager each.
    Managed(Vec<Value>),
}

/// Ports in the record of what was applied: of named ones the names, of others the numbers.
#[derive(Default)]
pub(super) struct Applied {
    names: BTreeSet<String>,
    numbers: BTreeSet<u64>,
    health_check: bool,
}

/// The record of what was applied. What people write there need not be what an API server would take.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Record {
    spec: Option<RecordSpec>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RecordSpec {
    ports: Option<Vec<RecordPort>>,
    health_check_node_port: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RecordPort {
    name: Option<String>,
    node_port: Option<Value>,
}

/// What matters of the Service in the backup: the engine takes managed fields off an item.
#[derive(Deserialize)]
struct Archived {
    metadata: ArchivedMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchivedMetadata {
    managed_fields: Option<Vec<Manager>>,
}

#[derive(Deserialize)]
struct Manager {
    #[serde(rename = "fieldsV1")]
    fields: Option<Value>,
}

impl Chosen {
    /// The record of `kubectl apply` if there is one, else the managed fields.
    pub(super) fn of(service: &Service, archived: impl Fn() -> Option<String>) -> Result<Self, String> {
        let annotations = service.metadata.annotations.as_ref();
        match annotations.and_then(|annotations| annotations.last_applied.as_deref()) {
            Some(record) if !record.is_empty() => {
                let record: Record = lateen_action::parse(record).map_err(|error| {
                    format!(
                        "cannot tell which node ports were chosen: the annotation \
                         kubectl.kubernetes.io/last-applied-configuration is not readable: {error}"
                    )
                })?;
                Ok(Self::Applied(record.into()))
            }
            _ => {
                let archived: Option<Archived> = archived()
                    .map(|text| lateen_action::parse(&text))
                    .transpose()
                    .map_err(|error| format!("cannot read the Service in the backup: {error}"))?;
                let managers = archived.and_then(|archived| archived.metadata.managed_fields);
                Ok(Self::Managed(managers.into_iter().flatten().filter_map(|one| one.fields).collect()))
            }
        }
    }

    /// Whether the node port of this port was chosen.
    pub(super) fn node_port(&self, port: &Port) -> bool {
        match self {
            Self::Applied(applied) => match port.name.as_deref().filter(|name| !name.is_empty()) {
                Some(name) => applied.names.contains(name),
                None => port.node.is_some_and(|number| applied.numbers.contains(&number)),
            },
            Self::Managed(_) => self.is_managed(&["f:spec", "f:ports", &managed_key(port), "f:nodePort"]),
        }
    }

    /// Whether the port for health checks was chosen.
    pub(super) fn health_check_port(&self) -> bool {
        match self {
            Self::Applied(applied) => applied.health_check,
            Self::Managed(_) => self.is_managed(&["f:spec", "f:healthCheckNodePort"]),
        }
    }

    fn is_managed(&self, path: &[&str]) -> bool {
        let Self::Managed(managers) = self else { return false };
        managers.iter().any(|fields| path.iter().try_fold(fields, |fields, key| fields.get(*key)).is_some())
    }
}

impl From<Record> for Applied {
    fn from(record: Record) -> Self {
        let RecordSpec { ports, health_check_node_port } = record.spec.unwrap_or_default();
        let mut applied =
            Self { health_check: health_check_node_port.and_then(number).is_some(), ..Self::default() };
        for RecordPort { name, node_port } in ports.into_iter().flatten() {
            let Some(number) = node_port.and_then(number) else { continue };
            match name.filter(|name| !name.is_empty()) {
                Some(name) => applied.names.insert(name),
                None => applied.numbers.insert(number),
            };
        }
        applied
    }
}

/// A port above zero, written as a number or as text.
fn number(value: Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.filter(|number| *number > 0)
}

/// The key of a port in managed fields. Written by hand because the order of the two keys matters.
fn managed_key(port: &Port) -> String {
    let number = port.number.as_ref().unwrap_or(&Value::Null);
    let protocol = json!(port.protocol.as_deref().unwrap_or("TCP"));
    format!("k:{{\"port\":{number},\"protocol\":{protocol}}}")
}
