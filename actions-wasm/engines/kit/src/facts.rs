//! What a script is told of its run and of its item: the same in every language, under the names that Kubernetes would give them.

use serde_json::{Value, json};

use crate::{Purpose, Role, Run, Stage, Subject};

/// `run`: name, namespace and uid of the Backup or Restore, `purpose` (backup, restore, delete), `role`, `stage`, `dryRun`, `started` (RFC 3339, to the
/// second), `serverVersion`, `features`.
pub fn run(run: &Run, role: Role) -> Value {
    json!({
        "name": run.name,
        "namespace": run.namespace,
        "uid": run.uid,
        "purpose": match run.purpose {
            Purpose::Backup => "backup",
            Purpose::Restore => "restore",
            Purpose::Delete => "delete",
        },
        "role": match role {
            Role::BackupItem => "backup-item",
            Role::RestoreItem => "restore-item",
            Role::DeleteItem => "delete-item",
            Role::RelatedItems => "related-items",
        },
        "stage": match run.stage {
            Stage::Check => "check",
            Stage::Items => "items",
            Stage::Operations => "operations",
            Stage::Finalize => "finalize",
        },
        "dryRun": run.dry_run,
        "started": timestamp(run.started_ms),
        "serverVersion": run.server_version,
        "features": run.features,
    })
}

/// `item`: group, resource (plural), version, namespace (in the archive), name, `targetNamespace` and `additional` of the object; the two namespaces are null
/// where it is cluster-scoped.
pub fn item(subject: &Subject) -> Value {
    json!({
        "group": subject.object.group,
        "resource": subject.object.resource,
        "version": subject.version,
        "namespace": subject.object.namespace,
        "name": subject.object.name,
        "targetNamespace": subject.target_namespace,
        "additional": subject.additional,
    })
}

/// Milliseconds since 1970 as Kubernetes writes a time: RFC 3339 in UTC, to the second. Beyond the year 9999 it is that year's end.
pub fn timestamp(milliseconds: u64) -> String {
    let seconds = i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_second() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_210_096_789), "2024-02-29T12:34:56Z");
        assert!(timestamp(u64::MAX).starts_with("9999-12-30"), "{}", timestamp(u64::MAX));
    }
}
