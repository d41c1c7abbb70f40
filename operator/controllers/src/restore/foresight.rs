//! What a restore would do to an object, found out without doing it: the API server is asked for dry runs, and what exists is compared.
//!
//! A run that only foresees goes the whole way of a restore (the same archive, plan, actions and decisions) and comes here where another
//! would write. Whoever asks may have fewer rights than the server: a dry run that is refused for that is no answer, and is noted as a right
//! that is missing. Nothing here writes.

mod existing;
mod namespaces;
mod refusal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lateen_cluster::object::{self, ObjectError, WriteOptions};
use lateen_core::hooks::pod::TargetPod;
use lateen_core::hooks::restore::hooks_of;
use lateen_core::journal::Level;
use lateen_core::kind::{GroupResource, ServedKind};
use lateen_core::restore::outcome::Action;
use lateen_core::restore::plan::DEFINITIONS;
use lateen_core::restore::preview::{Fate, Gathering, HookPreview, Message, NamespacePreview, Place};
use serde_json::Value;

use self::refusal::Refusal;
use super::decisions::Decisions;
use super::destination::Destination;
use super::item::{Done, Item};

/// Nothing is stored.
const DRY_RUN: WriteOptions<'static> = WriteOptions { dry_run: true, field_manager: "" };

/// What was found out so far.
#[derive(Default)]
pub(super) struct Foresight {
    gathering: Mutex<Gathering>,
    namespaces: Mutex<Vec<NamespacePreview>>,
    /// Kinds that the cluster does not serve yet.
    coming: Mutex<Vec<GroupResource>>,
}

impl Foresight {
    /// Takes out what was found out: about items, and about namespaces, by their names.
    pub(super) fn take(&self) -> (Gathering, Vec<NamespacePreview>) {
        let gathering = std::mem::take(&mut *self.gathering());
        let mut namespaces = std::mem::take(&mut *lock(&self.namespaces));
        namespaces.sort_by(|one, other| one.name.cmp(&other.name));
        (gathering, namespaces)
    }

    /// An item that is not wanted.
    pub(super) fn skipped(&self, item: &Item, reason: &str) {
        let object = item.key.object.clone();
        let place = Place {
            object,
            fate: Fate::Skip,
            reason: Some(reason.to_owned()),
            unverified: None,
            message: None,
            difference: None,
            hooks: Vec::new(),
        };
        self.gathering().place(&item.planned, place);
    }

    /// What a restore would do with an object that is ready. In the order in which it would: create, and look at what is there if that fails.
    pub(super) async fn place(
        &self,
        decisions: &Decisions,
        item: &Item,
        to: &Destination,
        object: &Value,
    ) -> Done {
        let mut place = if lock(&self.coming).contains(&to.kind.group_resource) {
            let why = format!("{} is only served once its definition is restored", to.kind.group_resource);
            unverified(to, Fate::Create, why)
        } else {
            let namespace = to.object.namespace.as_deref();
            let client = &decisions.context.client;
            match object::create(client, &to.kind, namespace, object.to_string(), DRY_RUN).await {
                Ok(_) => place(to, Fate::Create),
                Err(error) => self.not_created(decisions, item, to, object, &error).await,
            }
        };
        if place.fate == Fate::Create && item.planned.kind.is(DEFINITIONS) {
            self.announce(decisions, object);
        }
        if place.fate == Fate::Create && item.planned.kind.is("pods") {
            let found = hooks_of(&TargetPod::read(object), &decisions.request.hooks);
            place.hooks = found.hooks.into_iter().map(HookPreview::from).collect();
        }
        let action = action(&place);
        self.gathering().place(&item.planned, place);
        Done { action, created_name: None }
    }

    async fn not_created(
        &self,
        decisions: &Decisions,
        item: &Item,
        to: &Destination,
        object: &Value,
        error: &ObjectError,
    ) -> Place {
        let found = object::get(&decisions.context.client, &to.kind, &to.object).await;
        let kind = &to.kind.group_resource;
        match found.map(|found| found.and_then(|json| serde_json::from_str(&json).ok())) {
            Ok(Some(in_cluster)) => return self.existing(decisions, item, to, object, &in_cluster).await,
            Ok(None) => {}
            Err(unread) => {
                if Refusal::of(&unread) == Refusal::Rights {
                    self.lacks("get", kind, to);
                    if Refusal::of(error) == Refusal::Rights {
                        self.lacks("create", kind, to);
                    }
                    let why = format!("you may not get {kind}{}", within(to));
                    return unverified(to, Fate::Unknown, why);
                }
                if matches!(error, ObjectError::AlreadyExists(_)) {
                    let line = format!("{} already exists and cannot be read: {}", item.id(), unread.line());
                    decisions.journal.result(Level::Warning, &item.place(), line.clone());
                    let reason = Some(unread.line());
                    return Place {
                        reason,
                        message: Some(Message::warning(line)),
                        ..place(to, Fate::Unknown)
                    };
                }
            }
        }
        match Refusal::of(error) {
            Refusal::Rights => {
                self.lacks("create", kind, to);
                unverified(to, Fate::Create, format!("you may not create {kind}{}", within(to)))
            }
            Refusal::Namespace => {
                unverified(to, Fate::Create, format!("{} does not exist yet", namespace_of(to)))
            }
            Refusal::Terminating => {
                unverified(to, Fate::Create, format!("{} is just going away", namespace_of(to)))
            }
            Refusal::DryRun => unverified(to, Fate::Create, error.line()),
            Refusal::Silence => unverified(to, Fate::Unknown, error.line()),
            Refusal::Object => {
                let line = format!("error restoring {}: {}", item.id(), error.line());
                decisions.journal.result(Level::Error, &item.place(), line.clone());
                let message = Some(Message::error(line));
                Place { reason: Some(error.line()), message, ..place(to, Fate::Refuse) }
            }
        }
    }

    /// The kinds of a definition are among those that the items after it find.
    fn announce(&self, decisions: &Decisions, definition: &Value) {
        let kinds = served_by(definition);
        let mut catalog = decisions.catalog.write().unwrap_or_else(PoisonError::into_inner);
        let kinds: Vec<ServedKind> =
            kinds.into_iter().filter(|kind| catalog.get(&kind.group_resource).is_none()).collect();
        lock(&self.coming).extend(kinds.iter().map(|kind| kind.group_resource.clone()));
        *catalog = Arc::new(catalog.and(kinds));
    }

    fn lacks(&self, verb: &'static str, kind: &GroupResource, to: &Destination) {
        self.gathering().lacks(verb, kind, to.object.namespace.as_deref());
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        lock(&self.gathering)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked has left whole entries.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(to: &Destination, fate: Fate) -> Place {
    Place {
        object: to.object.clone(),
        fate,
        reason: None,
        unverified: None,
        message: None,
        difference: None,
        hooks: Vec::new(),
    }
}

fn unverified(to: &Destination, fate: Fate, why: String) -> Place {
    Place { unverified: Some(why), ..place(to, fate) }
}

/// ` in app`, or ` in the cluster`.
fn within(to: &Destination) -> String {
    to.object.namespace.as_ref().map_or_else(|| " in the cluster".into(), |name| format!(" in {name}"))
}

/// `namespace app`.
fn namespace_of(to: &Destination) -> String {
    format!("namespace {}", to.object.namespace.as_deref().unwrap_or_default())
}

/// What the list of items of a restore would say.
fn action(place: &Place) -> Action {
    match place.fate {
        Fate::Create => Action::Created,
        Fate::Update => Action::Updated,
        Fate::Unchanged | Fate::Skip => Action::Skipped,
        Fate::Differs | Fate::Refuse | Fate::Unknown => Action::Failed,
    }
}

/// The kinds that a definition would have the API server serve, the version that is stored first.
fn served_by(definition: &Value) -> Vec<ServedKind> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let list = |pointer: &str| definition.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let is = |version: &Value, field: &str| version[field].as_bool() == Some(true);
    let mut versions: Vec<&Value> = list("/spec/versions").filter(|version| is(version, "served")).collect();
    versions.sort_by_key(|version| !is(version, "storage"));
    let served = |version: &Value| ServedKind {
        group_resource: GroupResource::new(text("/spec/group"), text("/spec/names/plural")),
        version: version["name"].as_str().unwrap_or_default().to_owned(),
        kind: text("/spec/names/kind").to_owned(),
        singular: text("/spec/names/singular").to_owned(),
        short_names: list("/spec/names/shortNames").filter_map(Value::as_str).map(str::to_owned).collect(),
        namespaced: text("/spec/scope") == "Namespaced",
        verbs: ["create", "delete", "get", "list", "patch", "update"].map(str::to_owned).to_vec(),
    };
    versions.into_iter().map(served).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_says_which_kinds_will_be_served() {
        let definition = json!({"spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {"name": "v1alpha1", "served": false, "storage": false},
                {"name": "v1beta1", "served": true, "storage": false},
                {"name": "v1", "served": true, "storage": true},
            ],
        }});
        let served = served_by(&definition);
        let told: Vec<String> = served.iter().map(ServedKind::resource_key).collect();
        assert_eq!(told, ["example.com/v1/Widget", "example.com/v1beta1/Widget"]);
        assert!(served[0].namespaced && served[0].group_resource.is("widgets.example.com"));
        assert_eq!(served[0].short_names, ["wd"]);
        assert!(served_by(&json!({"spec": 1})).is_empty());
    }
}
