//! Item actions as their authors deliver them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use lateen_api::labels;
use serde_json::{Value, json};

use crate::installation::Installation;
use crate::objects::text;
use crate::wait::wait_for;

/// The key of the component in the ConfigMap; the manifest has to say `component: action.wasm`.
const COMPONENT: &str = "action.wasm";

/// How long the server may take to compile a component.
const LOAD_LIMIT: Duration = Duration::from_mins(1);

impl Installation<'_> {
    /// Applies an action: a ConfigMap with a manifest and a component.
    pub async fn apply_action(&self, name: &str, manifest: &str, component: &[u8]) -> Result<Value> {
        let component =
            serde_json::to_value(ByteString(component.to_vec())).context("encode the component")?;
        let action = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": self.namespace(), "name": name, "labels": { labels::ITEM_ACTION: "" } },
            "data": { "action.yaml": manifest }, "binaryData": { COMPONENT: component },
        });
        self.objects().apply_value(&action).await
    }

    /// Waits until the server has said by an Event on the ConfigMap what it thinks of an action: the reason and the message.
    pub async fn await_verdict(&self, action: &Value) -> Result<(String, String)> {
        let uid = text(action, "/metadata/uid");
        let what = format!("an Event on the ConfigMap {}", text(action, "/metadata/name"));
        wait_for(&what, LOAD_LIMIT, async || {
            let events = self.objects().list("events.k8s.io/v1/Event", self.namespace()).await?;
            let mut about = events.iter().filter(|event| text(event, "/regarding/uid") == uid);
            Ok(about.next_back().map(|event| (text(event, "/reason").into(), text(event, "/note").into())))
        })
        .await
        .with_context(|| format!("the server said:\n{}", self.log()))
    }
}
