//! A Restore out of a file, for `-f`.

use std::io::Read as _;
use std::path::Path;

use lateen_api::v1::Restore;

use crate::PlanError;

/// Bytes of a Restore: what etcd takes of an object, and some more for YAML.
const LIMIT: u64 = 4 << 20;

/// Reads a Restore; `-` is standard input. It need not have a name.
pub(crate) fn restore(path: &Path) -> Result<Restore, PlanError> {
    let unread = |source| PlanError::Read { path: path.to_owned(), source };
    let refuse = |reason: String| PlanError::NoRestore { path: path.to_owned(), reason };
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LIMIT + 1).read_to_string(&mut text).map_err(unread)?;
    } else {
        let file = std::fs::File::open(path).map_err(unread)?;
        file.take(LIMIT + 1).read_to_string(&mut text).map_err(unread)?;
    }
    if text.len() as u64 > LIMIT {
        return Err(refuse(format!("it has more than {LIMIT} bytes")));
    }
    parse(&text).map_err(refuse)
}

fn parse(text: &str) -> Result<Restore, String> {
    let document: serde_json::Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let is = |field: &str, wanted: &str| document[field].as_str() == Some(wanted);
    if !is("apiVersion", "velero.io/v1") || !is("kind", "Restore") {
        return Err(format!("it is a {} of {}", document["kind"], document["apiVersion"]));
    }
    let mut restore: Restore = serde_json::from_value(document).map_err(|error| error.to_string())?;
    // What a run before has written is no part of what is asked for.
    restore.status = None;
    Ok(restore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_read_and_nothing_else() {
        let text = "{apiVersion: velero.io/v1, kind: Restore, metadata: {name: a}, spec: {backupName: b}, status: {phase: Failed}}";
        let restore = parse(text).unwrap();
        assert_eq!((restore.spec.backup_name.as_str(), restore.status), ("b", None));
        let error = parse("{apiVersion: velero.io/v1, kind: Backup}").unwrap_err();
        assert_eq!(error, "it is a \"Backup\" of \"velero.io/v1\"");
        assert!(parse("a: [").is_err());
    }
}
