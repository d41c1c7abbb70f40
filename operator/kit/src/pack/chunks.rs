//! A component over several ConfigMaps. This module alone knows how they refer to each other.
//!
//! The ConfigMap of the action keeps the manifest, with `chunks: {count, sha256}` added, the sum being that of the unpacked component. Chunk 1 is the
//! ConfigMap `<name>-chunk-001` with the labels `lateen.dev/item-action: chunk` and `lateen.dev/item-action-chunk: <name>`, and the key
//! `<component>.001`; and so on.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use lateen_actions::{ITEM_ACTION_LABEL, MANIFEST_KEY, limits};
use lateen_api::names::valid_name;
use serde_json::{Value, json};

use crate::KitError;

/// What the label of actions says on a ConfigMap with a chunk.
const CHUNK: &str = "chunk";

/// Names the ConfigMap of the action.
const CHUNK_LABEL: &str = "lateen.dev/item-action-chunk";

/// Takes the manifest in `configmap` note of the chunks, and returns the ConfigMaps that hold them.
pub(super) fn split(
    configmap: &mut ConfigMap,
    key: &str,
    packed: &[u8],
    sha256: &str,
    size: usize,
) -> Result<Vec<ConfigMap>, KitError> {
    let count = packed.len().div_ceil(size);
    let name = configmap.metadata.name.clone().unwrap_or_default();
    if count > limits::CHUNKS as usize {
        return Err(KitError::Usage(format!(
            "{count} chunks of {size} bytes are more than the {} that a server takes; give a larger --chunk-size",
            limits::CHUNKS
        )));
    }
    if let Some(manifest) = configmap.data.get_or_insert_default().get_mut(MANIFEST_KEY) {
        *manifest = noted(manifest, count, sha256)?;
    }
    let labels =
        [(ITEM_ACTION_LABEL.to_owned(), CHUNK.to_owned()), (CHUNK_LABEL.to_owned(), valid_name(&name))];
    let chunk = |(index, bytes): (usize, &[u8])| {
        let number = format!("{:03}", index + 1);
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(format!("{name}-chunk-{number}")),
                namespace: configmap.metadata.namespace.clone(),
                labels: Some(BTreeMap::from(labels.clone())),
                ..ObjectMeta::default()
            },
            binary_data: Some([(format!("{key}.{number}"), ByteString(bytes.to_vec()))].into()),
            ..ConfigMap::default()
        }
    };
    Ok(packed.chunks(size).enumerate().map(chunk).collect())
}

/// The manifest with the chunks in it. Its own text stays as it is, comments included, where a line can be added to it.
fn noted(manifest: &str, count: usize, sha256: &str) -> Result<String, KitError> {
    let failed = |error| KitError::Content(format!("cannot add the chunks to the manifest: {error}"));
    let mut wanted: Value = serde_yaml_ng::from_str(manifest).map_err(failed)?;
    let chunks = json!({"count": count, "sha256": sha256});
    if let Some(keys) = wanted.as_object_mut() {
        keys.insert("chunks".to_owned(), chunks);
    }
    let with_line = format!("{}\nchunks: {{count: {count}, sha256: \"{sha256}\"}}\n", manifest.trim_end());
    if serde_yaml_ng::from_str::<Value>(&with_line).is_ok_and(|value| value == wanted) {
        return Ok(with_line);
    }
    serde_yaml_ng::to_string(&wanted).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_keeps_its_comments() {
        let text = noted("name: a # mine\n", 2, "ab").unwrap();
        assert_eq!(text, "name: a # mine\nchunks: {count: 2, sha256: \"ab\"}\n");
        let flow: Value = serde_yaml_ng::from_str(&noted("{name: a}", 2, "12").unwrap()).unwrap();
        assert_eq!(flow, json!({"name": "a", "chunks": {"count": 2, "sha256": "12"}}));
        let again: Value =
            serde_yaml_ng::from_str(&noted("a: 1\nchunks: {count: 9}\n", 2, "ab").unwrap()).unwrap();
        assert_eq!(again["chunks"]["count"], 2);
    }
}
