//! What item actions cost, and how many there are, for Prometheus: read from the registry whenever somebody asks.
//!
//! Counters belong to the name of an action and go on when its ConfigMap changes. They vanish with the action.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use lateen_actions::{ActionRegistry, ActionStats, SourceState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

/// Shows the actions of a registry under `lateen_item_action_*`; `registry` has the prefix `lateen`.
///
/// The metrics are served before the actions are there, since the engine waits for the cluster.
pub fn register(registry: &mut Registry, actions: Arc<OnceLock<Arc<ActionRegistry>>>) {
    registry.register_collector(Box::new(ActionCollector(actions)));
}

#[derive(Debug)]
struct ActionCollector(Arc<OnceLock<Arc<ActionRegistry>>>);

impl Collector for ActionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(actions) = self.0.get() else { return Ok(()) };
        let set = actions.snapshot();
        let mut states: BTreeMap<String, u64> =
            SourceState::ALL.iter().map(|state| (state.to_string(), 0)).collect();
        for source in set.sources() {
            *states.entry(source.state().to_string()).or_default() += 1;
        }
        let actions = set.describe();
        states.insert("BuiltIn".to_owned(), actions.iter().filter(|action| action.built_in).count() as u64);
        let help = "ConfigMaps of item actions by what became of them, and built-in actions in use";
        let mut family = encoder.encode_descriptor("item_action_states", help, None, MetricType::Gauge)?;
        for (state, count) in &states {
            let labels = [("state", state.as_str())];
            ConstGauge::new(*count as i64).encode(family.encode_family(&labels)?)?;
        }

        // An action whose roles are configured differently is several actions of one name, which count together.
        let totals: BTreeMap<&str, ActionStats> =
            actions.iter().map(|action| (action.name.as_str(), action.stats)).collect();
        let mut counter =
            |name: &'static str, help: &str, unit: Option<&'static Unit>, value: fn(&ActionStats) -> f64| {
                let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
                for (action, stats) in &totals {
                    let labels = [("action", *action)];
                    ConstCounter::new(value(stats)).encode(family.encode_family(&labels)?)?;
                }
                Ok::<(), fmt::Error>(())
            };
        counter("item_action_calls", "Calls of an item action", None, |stats| stats.calls as f64)?;
        counter("item_action_failures", "Calls of an item action that failed", None, |stats| {
            stats.failures as f64
        })?;
        counter(
            "item_action_time",
            "Time in calls of an item action, with waiting",
            Some(&Unit::Seconds),
            |stats| stats.time.as_secs_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use lateen_actions::{ActionHost, HostOptions, ITEM_ACTION_LABEL, Library};

    use super::*;

    #[tokio::test]
    async fn states_and_calls_are_shown() {
        let host = ActionHost::new(HostOptions::default()).unwrap();
        let actions = Arc::new(ActionRegistry::new(host, Library::default()));
        let mut map = ConfigMap::default();
        map.metadata.labels = Some([(ITEM_ACTION_LABEL.to_owned(), String::new())].into());
        let manifest = "name: a.example/b\non: [backup]\nmatch: {resources: [pods]}\nengine: jq\n";
        map.data = Some([("action.yaml".to_owned(), manifest.to_owned())].into());
        actions.load(&[map]).await;

        let mut root = Registry::default();
        register(root.sub_registry_with_prefix("lateen"), Arc::new(OnceLock::from(actions)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &root).unwrap();
        for line in [
            "lateen_item_action_states{state=\"Refused\"} 1\n",
            "lateen_item_action_states{state=\"Loaded\"} 0\n",
            "lateen_item_action_calls_total{action=\"a.example/b\"} 0.0\n",
            "lateen_item_action_failures_total{action=\"a.example/b\"} 0.0\n",
            "lateen_item_action_time_seconds_total{action=\"a.example/b\"} 0.0\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
