//! An object that is ready, put into the cluster: created, or compared with what is in its place; then what can only be done once it is
//! there.

use lateen_cluster::crd;
use lateen_cluster::object::{self, ObjectError, WriteOptions};
use lateen_core::journal::{Entry, Level};
use lateen_core::kind::ObjectName;
use lateen_core::restore::existing::{Decision, ExistingPolicy, label_patch};
use lateen_core::restore::outcome::Action;
use lateen_core::restore::plan::DEFINITIONS;
use lateen_core::restore::reset::{self, TakenOff};
use serde_json::{Value, json};

use super::destination::Destination;
use super::executor::Executor;
use super::item::{Done, Item};
use crate::error_chain::error_chain;

impl Executor {
    /// Creates the object or decides about the one that is there.
    ///
    /// Flow: create; if that fails for whatever reason, look whether an object of the name is there, and if so decide by it. A create whose
    /// answer was lost is found this way, by the label of this restore. After an interrupted run the look comes first: most is there.
    pub(super) async fn place_in_cluster(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: TakenOff,
    ) -> Done {
        if self.again
            && let Ok(Some(in_cluster)) = self.read_existing(to).await
        {
            return self.decide_about(item, to, object, taken, &in_cluster).await;
        }
        let manager = taken.sole_manager().unwrap_or_default();
        let options = WriteOptions { field_manager: manager, ..WriteOptions::default() };
        let namespace = to.object.namespace.as_deref();
        let created =
            object::create(&self.context.client, &to.kind, namespace, object.to_string(), options).await;
        match created {
            Ok(created) => self.after_creation(item, to, object, &taken, &created).await,
            Err(error) => self.not_created(item, to, object, taken, &error).await,
        }
    }

    async fn read_existing(&self, to: &Destination) -> Result<Option<Value>, ObjectError> {
        let found = object::get(&self.context.client, &to.kind, &to.object).await?;
        Ok(found.and_then(|json| serde_json::from_str(&json).ok()))
    }

    async fn not_created(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: TakenOff,
        error: &ObjectError,
    ) -> Done {
        match self.read_existing(to).await {
            Ok(Some(in_cluster)) => self.decide_about(item, to, object, taken, &in_cluster).await,
            Err(unread) if matches!(error, ObjectError::AlreadyExists(_)) => {
                let line = format!("{} already exists and cannot be read: {}", item.id(), unread.line());
                self.journal.result(Level::Warning, &item.place(), line);
                Done::without_name(Action::Failed)
            }
            Ok(None) | Err(_) => {
                self.error(item, format!("error restoring {}: {}", item.id(), error.line()));
                Done::without_name(Action::Failed)
            }
        }
    }

    async fn decide_about(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: TakenOff,
        in_cluster: &Value,
    ) -> Done {
        if let Some(line) = self.item_action_in_place(item, to, in_cluster) {
            self.journal.result(Level::Warning, &item.place(), line);
            return Done::without_name(Action::Failed);
        }
        match self.decision(item, object, in_cluster) {
            Decision::CreatedByThisRun => {
                self.after_creation(item, to, object, &taken, &in_cluster.to_string()).await
            }
            decision => Done::without_name(self.carry_out(item, to, decision).await),
        }
    }

    async fn carry_out(&self, item: &Item, to: &Destination, decision: Decision) -> Action {
        match decision {
            Decision::CreatedByThisRun => Action::Created,
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

    /// What follows a creation: status, managed fields, the hooks of a pod, and waiting for a definition to be served.
    async fn after_creation(
        &self,
        item: &Item,
        to: &Destination,
        object: &Value,
        taken: &TakenOff,
        created: &str,
    ) -> Done {
        let created_name = name_of(created);
        // The API server may have made a name of its own.
        let name = created_name.as_deref().unwrap_or(&to.object.name);
        let to = &Destination {
            object: ObjectName::new(to.object.namespace.as_deref(), name),
            kind: to.kind.clone(),
        };
        self.restore_status(item, to, object, taken.status.as_ref()).await;
        let done =
            self.restore_managed_fields(item, to, taken).await && self.is_definition_served(item, name).await;
        if done && item.planned.kind.is("pods") {
            self.begin_hooks(to, created);
        }
        Done { action: if done { Action::Created } else { Action::Failed }, created_name }
    }

    fn begin_hooks(&self, to: &Destination, created: &str) {
        let namespace = to.object.namespace.as_deref().unwrap_or_default();
        if let (Some(restoring), Ok(pod)) = (self.restoring(), serde_json::from_str(created)) {
            restoring.hooks.begin(namespace, &to.object.name, &pod);
        }
    }

    /// Whether the kind of a definition can be used now; true for everything that is no definition.
    async fn is_definition_served(&self, item: &Item, name: &str) -> bool {
        if !item.planned.kind.is(DEFINITIONS) {
            return true;
        }
        let available =
            crd::wait_available(&self.context.client, name, self.context.options.resource_timeout);
        match self.context.shutdown.run_until_cancelled(available).await {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                self.error(item, error_chain(&error));
                false
            }
            // The run ends, and says so itself.
            None => false,
        }
    }

    async fn restore_status(&self, item: &Item, to: &Destination, object: &Value, status: Option<&Value>) {
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

    /// Who set which field: without it, everything would belong to this server, and appliers would meet conflicts. Where a single manager
    /// had set all of it, the object was created in its name.
    async fn restore_managed_fields(&self, item: &Item, to: &Destination, taken: &TakenOff) -> bool {
        let fields = taken.managed_fields.as_ref().filter(|_| taken.sole_manager().is_none());
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

fn name_of(created: &str) -> Option<String> {
    lateen_core::item::Facts::read(created).ok().map(|facts| facts.object.name)
}
