//! An object that is ready, put into the cluster: created, or compared with what is in its place; then what can only be done once it is
//! there.

use lateen_cluster::crd;
use lateen_cluster::object::{self, ObjectError, WriteOptions};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::ObjectName;
use lateen_core::restore::existing::{Decision, Existing, ExistingPolicy, decide, label_patch};
use lateen_core::restore::outcome::Action;
use lateen_core::restore::plan::DEFINITIONS;
use lateen_core::restore::reset::{self, TakenOff};
use serde_json::{Value, json};

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
        object: &Value,
        taken: TakenOff,
    ) -> (Action, Option<String>) {
        let namespace = item.planned.target_namespace.as_deref();
        let created = object::create(
            &self.context.client,
            &item.kind,
            namespace,
            object.to_string(),
            WriteOptions::default(),
        )
        .await;
        match created {
            Ok(created) => {
                let name = name_of(&created);
                let done = self.after_creation(item, name.as_deref(), object, taken).await;
                (if done { Action::Created } else { Action::Failed }, name)
            }
            Err(error) => (self.not_created(item, object, taken, &error).await, None),
        }
    }

    async fn not_created(&self, item: &Item, object: &Value, taken: TakenOff, error: &ObjectError) -> Action {
        let place = ObjectName::new(item.planned.target_namespace.as_deref(), &item.planned.source.name);
        let found = object::get(&self.context.client, &item.kind, &place).await;
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
        let decision = decide(&Existing {
            kind: &item.planned.kind,
            desired: object,
            in_cluster: &in_cluster,
            labels: &self.labels,
            policy: self.request.existing,
            restore_created: self.restore_created,
        });
        self.carry_out(item, &place, object, taken, decision).await
    }

    async fn carry_out(
        &self,
        item: &Item,
        place: &ObjectName,
        object: &Value,
        taken: TakenOff,
        decision: Decision,
    ) -> Action {
        match decision {
            Decision::CreatedByThisRun => {
                let done = self.after_creation(item, Some(&place.name), object, taken).await;
                if done { Action::Created } else { Action::Failed }
            }
            Decision::Same => Action::Skipped,
            Decision::Label(patch) => match self.patch(item, place, &patch).await {
                Ok(()) => Action::Skipped,
                Err(error) => self.cannot_label(item, &error),
            },
            Decision::Keep(warning) => {
                self.journal.result(Level::Warning, &item.place(), warning);
                Action::Failed
            }
            Decision::Extend(patch) => {
                let label_instead = self.request.existing == ExistingPolicy::Update;
                self.patch_or_label(item, place, &patch, label_instead).await
            }
            Decision::Update(patch) => self.patch_or_label(item, place, &patch, true).await,
        }
    }

    async fn patch_or_label(
        &self,
        item: &Item,
        place: &ObjectName,
        patch: &Value,
        label_instead: bool,
    ) -> Action {
        let Err(error) = self.patch(item, place, patch).await else { return Action::Updated };
        let line = format!("error patching {}: {}", item.id(), error.line());
        self.journal.result(Level::Warning, &item.place(), line);
        if label_instead && let Err(error) = self.patch(item, place, &label_patch(&self.labels)).await {
            return self.cannot_label(item, &error);
        }
        Action::Failed
    }

    fn cannot_label(&self, item: &Item, error: &ObjectError) -> Action {
        self.error(item, format!("error patching labels of {}: {}", item.id(), error.line()));
        Action::Failed
    }

    async fn patch(&self, item: &Item, place: &ObjectName, patch: &Value) -> Result<(), ObjectError> {
        let patched = object::merge_patch(
            &self.context.client,
            &item.kind,
            place,
            patch.to_string(),
            WriteOptions::default(),
        )
        .await;
        patched.map(drop)
    }

    /// What follows a creation: status, managed fields, and waiting for a definition to be served. False: the item has failed.
    async fn after_creation(&self, item: &Item, name: Option<&str>, object: &Value, taken: TakenOff) -> bool {
        let name = name.unwrap_or(&item.planned.source.name);
        let place = ObjectName::new(item.planned.target_namespace.as_deref(), name);
        self.restore_status(item, &place, object, taken.status).await;
        if !self.restore_managed_fields(item, &place, taken.managed_fields).await {
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

    async fn restore_status(&self, item: &Item, place: &ObjectName, object: &Value, status: Option<Value>) {
        let (wanted, odd) =
            reset::status_wanted(object, &item.planned.kind, self.request.status_kinds.as_ref());
        if let Some(odd) = odd {
            self.journal.write(item.about(Entry::info(odd)));
        }
        let Some(status) = status.filter(|_| wanted) else { return };
        let patch = json!({"status": status}).to_string();
        let written = object::merge_patch_status(
            &self.context.client,
            &item.kind,
            place,
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
    async fn restore_managed_fields(&self, item: &Item, place: &ObjectName, fields: Option<Value>) -> bool {
        let Some(fields) = fields.filter(|fields| fields.as_array().is_some_and(|fields| !fields.is_empty()))
        else {
            return true;
        };
        let Err(error) = self.patch(item, place, &json!({"metadata": {"managedFields": fields}})).await
        else {
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

fn name_of(created: &str) -> Option<String> {
    lateen_core::item::Facts::read(created).ok().map(|facts| facts.object.name)
}
