//! A host for an engine's own tests: it answers from memory and keeps what was said to it.

use std::cell::{Cell, RefCell};

use serde_json::{Value, json};

use crate::{
    Failure, Level, Purpose, Reason, Run, Stage, Subject,
    bindings::lateen::item_action::types::ObjectRef,
    host::{Host, Query},
    resource,
};

/// The answers, and what was said. Fields are for tests to set and to look at.
#[derive(Debug)]
pub struct Recorded {
    /// The run.
    pub run: Run,
    /// The item of the present call.
    pub subject: Subject,
    /// The item in the archive.
    pub original: Option<Value>,
    /// What the cluster holds: resource without a version (`deployments.apps`), object.
    pub objects: RefCell<Vec<(String, Value)>>,
    /// Lines of the log.
    pub lines: RefCell<Vec<(Level, String)>>,
    /// Requests to the cluster, one line each: `get configmaps team/settings`, `create {...}`.
    pub requests: RefCell<Vec<String>>,
    /// The error of every request to the cluster, where one is wanted.
    pub refusal: Cell<Option<Reason>>,
    /// The time.
    pub now_ms: u64,
}

impl Default for Recorded {
    /// A backup named `nightly` with a Deployment `team/web`, and an empty cluster that everything is granted in.
    fn default() -> Self {
        Self {
            run: Run {
                purpose: Purpose::Backup,
                stage: Stage::Items,
                name: "nightly".into(),
                namespace: "velero".into(),
                uid: "4be0643f-1d98-573b-97cd-ca98a65347dd".into(),
                started_ms: 1_700_000_000_000,
                dry_run: false,
                server_version: "0.1.0".into(),
                features: Vec::new(),
                extra: String::new(),
            },
            subject: Subject {
                object: ObjectRef {
                    group: "apps".into(),
                    resource: "deployments".into(),
                    namespace: Some("team".into()),
                    name: "web".into(),
                },
                version: "v1".into(),
                target_namespace: Some("team".into()),
                additional: false,
                extra: String::new(),
            },
            original: None,
            objects: RefCell::default(),
            lines: RefCell::default(),
            requests: RefCell::default(),
            refusal: Cell::new(None),
            now_ms: 1_700_000_100_000,
        }
    }
}

impl Recorded {
    fn request(&self, line: String) -> Result<(), Failure> {
        self.requests.borrow_mut().push(line.clone());
        match self.refusal.get() {
            Some(reason) => Err(Failure { reason, code: 0, message: format!("refused: {line}") }),
            None => Ok(()),
        }
    }

    /// The index of an object.
    fn find(&self, resource: &str, namespace: Option<&str>, name: &str) -> Option<usize> {
        let resource = plain(resource);
        self.objects.borrow().iter().position(|(kind, object)| {
            *kind == resource
                && object["metadata"]["name"] == name
                && object["metadata"]["namespace"].as_str() == namespace.filter(|text| !text.is_empty())
        })
    }
}

impl Host for Recorded {
    fn log(&self, level: Level, message: &str) {
        self.lines.borrow_mut().push((level, message.to_owned()));
    }

    fn run(&self) -> Run {
        self.run.clone()
    }

    fn run_object(&self) -> String {
        json!({ "metadata": { "name": self.run.name, "namespace": self.run.namespace } }).to_string()
    }

    fn source_backup(&self) -> Option<String> {
        None
    }

    fn subject(&self) -> Subject {
        self.subject.clone()
    }

    fn original(&self) -> Option<String> {
        self.original.as_ref().map(Value::to_string)
    }

    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn random(&self, length: u32) -> Vec<u8> {
        (0..length).map(|index| u8::try_from(index % 256).unwrap_or_default()).collect()
    }

    fn get(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<Option<String>, Failure> {
        self.request(format!("get {resource} {}", place(namespace, name)))?;
        let found = self.find(resource, namespace, name);
        Ok(found.map(|index| self.objects.borrow()[index].1.to_string()))
    }

    fn list(&self, query: Query<'_>) -> Result<Vec<String>, Failure> {
        let Query { resource, namespace, labels, fields } = query;
        self.request(format!("list {resource} {} {labels:?} {fields:?}", place(namespace, "")))?;
        let resource = plain(resource);
        let chosen = |(kind, object): &&(String, Value)| {
            *kind == resource
                && namespace
                    .is_none_or(|wanted| wanted.is_empty() || object["metadata"]["namespace"] == wanted)
                && labels.split(',').filter(|term| !term.is_empty()).all(|term| {
                    let (key, value) = term.split_once('=').unwrap_or((term, ""));
                    object["metadata"]["labels"][key] == value
                })
        };
        Ok(self.objects.borrow().iter().filter(chosen).map(|(_, object)| object.to_string()).collect())
    }

    fn create(&self, object: &str) -> Result<String, Failure> {
        self.request(format!("create {object}"))?;
        Ok(object.to_owned())
    }

    fn patch(
        &self,
        resource: &str,
        namespace: Option<&str>,
        name: &str,
        merge: &str,
    ) -> Result<String, Failure> {
        let place = place(namespace, name);
        self.request(format!("patch {resource} {place} {merge}"))?;
        let found = self.find(resource, namespace, name);
        let (Some(index), Ok(patch)) = (found, serde_json::from_str(merge)) else {
            return Err(Failure {
                reason: Reason::NotFound,
                code: 404,
                message: format!("no {resource} {place}"),
            });
        };
        let mut objects = self.objects.borrow_mut();
        json_patch::merge(&mut objects[index].1, &patch);
        Ok(objects[index].1.to_string())
    }

    fn delete(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<bool, Failure> {
        self.request(format!("delete {resource} {}", place(namespace, name)))?;
        let found = self.find(resource, namespace, name);
        if let Some(index) = found {
            self.objects.borrow_mut().remove(index);
        }
        Ok(found.is_some())
    }
}

/// A resource without its version.
fn plain(resource: &str) -> String {
    let kind = resource::kind(resource);
    if kind.group.is_empty() { kind.resource } else { format!("{}.{}", kind.resource, kind.group) }
}

fn place(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or_default())
}
