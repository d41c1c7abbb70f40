//! An object that is ready, put into the cluster: created, or compared with what is in its place; then what can only be done once it is
//! there.

use lateen_actions::ITEM_ACTION_LABEL;
use lateen_cluster::crd;
use lateen_cluster::object::{self, ObjectError, WriteOptions};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::ObjectName;
use lateen_core::restore::existing::{Decision, Existing, ExistingPolicy, decide, label_patch};
use lateen_core::restore::outcome::Action;
use lateen_core::restore::plan::DEFINITIONS;
use lateen_core::restore::reset::{self, TakenOff};
use serde_json::{Value, json};

use super::destination::Destination;
use super::executor::Executor;
use super::item::Item;
use crate::error_chain::error_chain;

impl Executor {
    /// Creates the object or decides about the one that is there. Gives back what became of the item and the name that it got.
    ///
    /// Flow: create; if that fails for whatever reason, look whether an object of the name is there, and if so decide by it. A create whose
    /// answer was lost is found this way, by the label of this restore.
    pub(super) async fn place_in_cluster(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: TakenOff,
    ) -> (Action, Option<String>) {
        let created = object::create(
            &self.context.client,
            &to.kind,
            to.object.namespace.as_deref(),
            object.to_string(),
            WriteOptions::default(),
        )
        .await;
        match created {
            Ok(created) => {
                let name = name_of(&created);
                let done = self.after_creation(item, to, name.as_deref(), object, taken).await;
                (if done { Action::Created } else { Action::Failed }, name)
            }
            Err(error) => (self.not_created(item, to, object, taken, &error).await, None),
        }
    }

    async fn not_created(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: TakenOff,
        error: &ObjectError,
    ) -> Action {
        let found = object::get(&self.context.client, &to.kind, &to.object).await;
        let in_cluster: Option<Value> = match found {
            Ok(found) => found.and_then(|json| serde_json::from_str(&json).ok()),
            Err(unread) if matches!(error, ObjectError::AlreadyExists(_)) => {
                let line = format!("{} already exists and cannot be read: {}", item.id(), unread.line());
                self.journal.result(Level::Warning, &item.place(), line);
                return Action::Failed;
            }
            Err(_) => None,
        };
        let Some(in_cluster) = in_cluster else {
            self.error(item, format!("error restoring {}: {}", item.id(), error.line()));
            return Action::Failed;
        };
        if to.may_be_item_action(&self.context.namespace) && is_item_action(&in_cluster) {
            let line = format!(
                "{}: an item action of this server has this name and stays as it is; delete it first to restore the ConfigMap",
                item.id()
            );
            self.journal.result(Level::Warning, &item.place(), line);
            return Action::Failed;
        }
        let decision = decide(&Existing {
            kind: &item.planned.kind,
            desired: object,
            in_cluster: &in_cluster,
            labels: &self.labels,
            policy: self.request.existing,
            restore_created: self.restore_created,
        });
        self.carry_out(item, to, object, taken, decision).await
    }

    async fn carry_out(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: TakenOff,
        decision: Decision,
    ) -> Action {
        match decision {
            Decision::CreatedByThisRun => {
                let done = self.after_creation(item, to, None, object, taken).await;
                if done { Action::Created } else { Action::Failed }
            }
            Decision::Same => Action::Skipped,
            Decision::Label(patch) => match self.patch(to, &patch).await {
                Ok(()) => Action::Skipped,
                Err(error) => self.cannot_label(item, &error),
            },
            Decision::Keep(warning) => {
                self.journal.result(Level::Warning, &item.place(), warning);
                Action::Failed
            }
            Decision::Extend(patch) => {
                let label_instead = self.request.existing == ExistingPolicy::Update;
                self.patch_or_label(item, to, &patch, label_instead).await
            }
            Decision::Update(patch) => self.patch_or_label(item, to, &patch, true).await,
        }
    }

    async fn patch_or_label(
        &self,
        item: &Item,
        to: &Destination,
        patch: &Value,
        label_instead: bool,
    ) -> Action {
        let Err(error) = self.patch(to, patch).await else { return Action::Updated };
        let line = format!("error patching {}: {}", item.id(), error.line());
        self.journal.result(Level::Warning, &item.place(), line);
        if label_instead && let Err(error) = self.patch(to, &label_patch(&self.labels)).await {
            return self.cannot_label(item, &error);
        }
        Action::Failed
    }

    fn cannot_label(&self, item: &Item, error: &ObjectError) -> Action {
        self.error(item, format!("error patching labels of {}: {}", item.id(), error.line()));
        Action::Failed
    }

    async fn patch(&self, to: &Destination, patch: &Value) -> Result<(), ObjectError> {
        let patched = object::merge_patch(
            &self.context.client,
            &to.kind,
            &to.object,
            patch.to_string(),
            WriteOptions::default(),
        )
        .await;
        patched.map(drop)
    }

    /// What follows a creation: status, managed fields, and waiting for a definition to be served. False: the item has failed.
    async fn after_creation(
        &self,
        item: &Item,
        to: &Destination,
        name: Option<&str>,
        object: &Value,
        taken: TakenOff,
    ) -> bool {
        // The API server may have made a name of its own.
        let name = name.unwrap_or(&to.object.name);
        let to = &Destination {
            object: ObjectName::new(to.object.namespace.as_deref(), name),
            kind: to.kind.clone(),
        };
        self.restore_status(item, to, object, taken.status).await;
        if !self.restore_managed_fields(item, to, taken.managed_fields).await {
            return false;
        }
        if item.planned.kind.is(DEFINITIONS) {
            let timeout = self.context.options.resource_timeout;
            if let Err(error) = crd::wait_available(&self.context.client, name, timeout).await {
                self.error(item, error_chain(&error));
                return false;
            }
        }
        true
    }

    async fn restore_status(&self, item: &Item, to: &Destination, object: &Value, status: Option<Value>) {
        let (wanted, odd) =
            reset::status_wanted(object, &item.planned.kind, self.request.status_kinds.as_ref());
        if let Some(odd) = odd {
            self.journal.write(item.about(Entry::info(odd)));
        }
        let Some(status) = status.filter(|_| wanted) else { return };
        let patch = json!({"status": status}).to_string();
        let written = object::merge_patch_status(
            &self.context.client,
            &to.kind,
            &to.object,
            patch,
            WriteOptions::default(),
        )
        .await;
        if let Err(error) = written {
            let line = format!("could not restore the status of {}: {}", item.id(), error.line());
            self.journal.result(Level::Warning, &item.place(), line);
        }
    }

    /// Who set which field: without it, everything would belong to this server, and appliers would meet conflicts.
    async fn restore_managed_fields(&self, item: &Item, to: &Destination, fields: Option<Value>) -> bool {
        let Some(fields) = fields.filter(|fields| fields.as_array().is_some_and(|fields| !fields.is_empty()))
        else {
            return true;
        };
        let Err(error) = self.patch(to, &json!({"metadata": {"managedFields": fields}})).await else {
            return true;
        };
        let line = format!("could not restore the managed fields of {}: {}", item.id(), error.line());
        if matches!(error, ObjectError::NotFound(_)) {
            self.journal.result(Level::Warning, &item.place(), line);
            true
        } else {
            self.error(item, line);
            false
        }
    }
}

/// A restore neither replaces nor switches off what the server works with, whatever its policy for what exists.
fn is_item_action(in_cluster: &Value) -> bool {
    in_cluster.pointer("/metadata/labels").is_some_and(|labels| labels.get(ITEM_ACTION_LABEL).is_some())
}

fn name_of(created: &str) -> Option<String> {
    lateen_core::item::Facts::read(created).ok().map(|facts| facts.object.name)
}
