//! The pieces of components that are too large for one ConfigMap, found by the label of the ConfigMaps that hold them.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::ConfigMap;
use lateen_api::{labels, names::valid_name};

use super::{SourceError, source_name};

/// ConfigMaps that hold chunks, by namespace and by the value of their label.
#[derive(Default)]
pub(crate) struct Chunks<'a>(HashMap<(&'a str, &'a str), Vec<&'a ConfigMap>>);

/// Whether a ConfigMap holds chunks and is no action itself.
pub(crate) fn is_chunk(configmap: &ConfigMap) -> bool {
    owner(configmap).is_some()
}

fn owner(configmap: &ConfigMap) -> Option<&str> {
    configmap.metadata.labels.as_ref()?.get(labels::ITEM_ACTION_CHUNK).map(String::as_str)
}

fn namespace(configmap: &ConfigMap) -> &str {
    configmap.metadata.namespace.as_deref().unwrap_or_default()
}

impl<'a> Chunks<'a> {
    /// Those among these ConfigMaps.
    pub(crate) fn among(configmaps: impl IntoIterator<Item = &'a ConfigMap>) -> Self {
        let mut chunks = Self::default();
        for configmap in configmaps {
            if let Some(owner) = owner(configmap) {
                chunks.0.entry((namespace(configmap), owner)).or_default().push(configmap);
            }
        }
        chunks
    }

    /// The pieces of a component of this ConfigMap, in their order.
    pub(crate) fn of(
        &self,
        configmap: &'a ConfigMap,
        component: &str,
        count: u32,
    ) -> Result<Vec<&'a [u8]>, SourceError> {
        let label = valid_name(configmap.metadata.name.as_deref().unwrap_or_default());
        let others = self.0.get(&(namespace(configmap), label.as_str())).map_or(&[][..], Vec::as_slice);
        let holders: Vec<&ConfigMap> = std::iter::once(configmap).chain(others.iter().copied()).collect();
        let mut pieces = Vec::new();
        let mut missing = Vec::new();
        for number in 1..=count {
            let key = format!("{component}.{number:03}");
            let mut held = holders.iter().filter_map(|map| Some((map, map.binary_data.as_ref()?.get(&key)?)));
            match (held.next(), held.next()) {
                (Some((_, piece)), None) => pieces.push(piece.0.as_slice()),
                (Some((one, _)), Some((other, _))) => {
                    let (one, other) = (source_name(one), source_name(other));
                    return Err(SourceError::ChunkTwice { key, one, other });
                }
                (None, _) => missing.push(key),
            }
        }
        match missing.first() {
            None => Ok(pieces),
            Some(first) => {
                Err(SourceError::MissingChunks { missing: missing.len(), count, first: first.clone(), label })
            }
        }
    }
}
