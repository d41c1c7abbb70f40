//! A volume of the cluster that has the name of one in the backup: whether it stays, goes, or is this restore's own.

use lateen_api::{labels, names};
use serde_json::Value;

use super::{claim_of, text};
use crate::kind::ObjectName;

/// What a volume of the cluster tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// This restore has made it, before its server ended perhaps.
    Ours,
    /// It has lost its claim or is being deleted: it will be gone, or somebody has to remove it.
    Leaving,
    /// No claim has it: it stays.
    Unclaimed,
    /// It stays if this claim and the claim's namespace do.
    Of(ObjectName),
}

/// Looks at a volume of the cluster.
pub fn standing(volume: &Value, restore: &str) -> Standing {
    let labels = volume.pointer("/metadata/labels");
    let made_by = labels.and_then(|labels| labels.get(labels::RESTORE_NAME)).and_then(Value::as_str);
    if made_by == Some(names::valid_name(restore).as_str()) && !is_leaving(volume) {
        Standing::Ours
    } else if is_leaving(volume) || text(volume, "/status/phase") == "Released" {
        Standing::Leaving
    } else {
        claim_of(volume).map_or(Standing::Unclaimed, Standing::Of)
    }
}

/// Whether a claim or a namespace that was looked up is there to stay.
pub fn stays(object: Option<&Value>) -> bool {
    object.is_some_and(|object| !is_leaving(object) && text(object, "/status/phase") != "Terminating")
}

fn is_leaving(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_volume_stays_with_its_claim_and_goes_without() {
        let of = |metadata: Value, claim: Value, phase: &str| {
            standing(
                &json!({"metadata": metadata, "spec": {"claimRef": claim}, "status": {"phase": phase}}),
                "r",
            )
        };
        let claim = || json!({"namespace": "app", "name": "data", "uid": "u"});
        assert_eq!(of(json!({}), claim(), "Bound"), Standing::Of(ObjectName::new(Some("app"), "data")));
        assert_eq!(of(json!({}), claim(), "Released"), Standing::Leaving);
        assert_eq!(of(json!({}), json!(null), "Available"), Standing::Unclaimed);
        let going =
            json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "labels": {"velero.io/restore-name": "r"}});
        assert_eq!(of(going, claim(), "Bound"), Standing::Leaving);
        let ours = json!({"labels": {"velero.io/restore-name": "r"}});
        assert_eq!(of(ours, claim(), "Released"), Standing::Ours);
    }

    #[test]
    fn what_is_absent_or_terminating_does_not_stay() {
        assert!(!stays(None));
        assert!(stays(Some(
            &json!({"metadata": {"deletionTimestamp": null}, "status": {"phase": "Active"}})
        )));
        assert!(!stays(Some(&json!({"metadata": {}, "status": {"phase": "Terminating"}}))));
        assert!(!stays(Some(&json!({"metadata": {"deletionTimestamp": "t"}}))));
    }
}
