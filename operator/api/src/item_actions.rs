//! What a server tells of its item actions in answer to a ServerStatusRequest: the value of the annotation
//! [`ITEM_ACTIONS`](crate::labels::annotations::ITEM_ACTIONS) there, which `lateen actions list` reads.
//!
//! The value is bounded, so that the API server takes it however many actions there are and however long their problems are.

use serde::{Deserialize, Serialize};

/// Bytes of the value. All annotations of an object together have 256 KiB; the rest is left to others.
const MOST: usize = 240 << 10;

/// Bytes of a problem; with all else an entry has some 300.
const PROBLEM: usize = 1 << 10;

/// One action in use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ItemActionEntry {
    /// `<dns>/<name>`.
    pub name: String,
    /// The roles it is called in, as in a manifest.
    pub on: Vec<String>,
    /// The ConfigMap, `namespace/name`; `built-in` for the server's own.
    pub source: String,
    /// `sha256:` and hexadecimal digits, of the component or script; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// One of the server's own.
    pub built_in: bool,
    /// Why what it matches fails, if it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Calls since the server started.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Time in calls.
    pub seconds: f64,
}

/// The value of the annotation. Where there is not room for all, the last are left out.
pub fn write(actions: impl IntoIterator<Item = ItemActionEntry>) -> String {
    let mut value = "[".to_owned();
    for mut action in actions {
        if let Some(problem) = &mut action.problem {
            problem.truncate(problem.floor_char_boundary(PROBLEM));
        }
        // A number that JSON lacks is no number of seconds.
        let Ok(entry) = serde_json::to_string(&action) else { continue };
        // With the comma and the bracket.
        if value.len() + entry.len() + 2 > MOST {
            break;
        }
        if value.len() > 1 {
            value.push(',');
        }
        value += &entry;
    }
    value + "]"
}

/// The actions in a value, in the order in which they are called.
pub fn read(value: &str) -> Result<Vec<ItemActionEntry>, serde_json::Error> {
    serde_json::from_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_fits() {
        let action = |index: usize| ItemActionEntry {
            name: format!("a.example/{index}"),
            on: vec!["backup".into()],
            source: "velero/a".into(),
            problem: Some("ü".repeat(PROBLEM)),
            seconds: 0.25,
            ..ItemActionEntry::default()
        };
        assert_eq!(write([]), "[]");
        let value = write((0..1000).map(action));
        assert!(value.len() <= MOST && value.len() > MOST - 2 * PROBLEM, "{}", value.len());
        let actions = read(&value).unwrap();
        assert_eq!(actions[1].name, "a.example/1");
        assert_eq!(actions[1].problem, Some("ü".repeat(PROBLEM / 2)));
        assert_eq!(read(r#"[{"name": "a.example/b", "new": 1}]"#).unwrap()[0].calls, 0);
    }
}
