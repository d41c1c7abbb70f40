//! Which function is called, with which parameters, and what an author is told when there is none.

use serde::Deserialize;

use super::*;
use crate::{NoParams, Outcome, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    greeting: String,
}

/// Wants the whole item.
fn greet(item: &Value, params: &Params) -> Result<Vec<ObjectRef>, String> {
    let name = item["metadata"]["name"].as_str().ok_or("no name")?;
    Ok(vec![ObjectRef::new("", "configmaps", None, &format!("{} {name}", params.greeting))])
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

/// Wants one field.
fn kind(item: &Kind, _: &NoParams) -> Result<Outcome, String> {
    Ok(Outcome::skip(&item.kind))
}

fn backups() -> Table<str, Outcome> {
    Table::new(&[("kind", |params| item(kind, params))])
}

fn related() -> Table<str, Vec<ObjectRef>> {
    Table::new(&[("greet", |params| item(greet, params)), ("other", |params| item(greet, params))])
}

fn configuration(entry: &str, roles: &[Role], params: &str) -> Configuration {
    Configuration::of(Settings {
        name: "example.com/action".into(),
        entry: entry.into(),
        roles: roles.to_vec(),
        params: params.into(),
        script: None,
        plugin_config: None,
        extra: String::new(),
    })
}

type Tables = (Table<str, Outcome>, Table<str, Vec<ObjectRef>>);

/// Configures both roles, and hands out their tables.
fn configure(entry: &str, roles: &[Role], params: &str) -> Result<Tables, String> {
    let (backup, relation) = (backups(), related());
    let mut configuration = configuration(entry, roles, params);
    configuration.role(Role::BackupItem, &backup)?;
    configuration.role(Role::RelatedItems, &relation)?;
    configuration.end()?;
    Ok((backup, relation))
}

#[test]
fn the_entry_and_its_parameters_reach_the_function() {
    let (backup, related) =
        configure("greet", &[Role::RelatedItems], r#"{"greeting":"hello"}"#).expect("valid");
    let answer = related.call(r#"{"metadata":{"name":"web"}}"#);
    assert_eq!(answer, Ok(vec![ObjectRef::new("", "configmaps", None, "hello web")]));
    assert_eq!(related.call("{}"), Err("no name".to_owned()));
    assert!(related.call("{").is_err_and(|error| error.starts_with("cannot read the item: EOF")));
    assert!(backup.call("{}").is_err_and(|error| error == "not configured for this role"));

    let (backup, _) = configure("kind", &[Role::BackupItem], "{}").expect("valid");
    let outcome = backup.call(r#"{"kind":"Pod","spec":{"containers":[]}}"#).expect("valid");
    assert_eq!(outcome.skip.as_deref(), Some("Pod"));
}

#[test]
fn one_action_is_meant_by_every_entry() {
    let table: Table<str, Outcome> = Table::new(&[(ANY, |params| item(kind, params))]);
    let mut configuration = configuration("whatever", &[Role::RestoreItem], "{}");
    assert_eq!(configuration.role(Role::RestoreItem, &table), Ok(()));
    assert_eq!(configuration.end(), Ok(()));
}

#[test]
fn authors_are_told_what_is_wrong() {
    let error = |entry, roles, params| configure(entry, roles, params).err().unwrap_or_default();
    assert_eq!(
        error("pods", &[Role::BackupItem], "{}"),
        r#"this component has no entry "pods"; it has greet, kind, other"#
    );
    assert_eq!(
        error("kind", &[Role::BackupItem, Role::RelatedItems], "{}"),
        "this action does nothing on related-items; take it out of `on` in the manifest"
    );
    assert!(error("greet", &[Role::RelatedItems], "{}").starts_with("params: missing field `greeting`"));
    assert!(error("kind", &[Role::BackupItem], r#"{"a":1}"#).starts_with("params: unknown field `a`"));
}
