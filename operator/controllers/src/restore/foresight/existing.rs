//! An object that is there already: what the restore would decide about it, and what a patch would make of it.

use lateen_cluster::object::{self, ObjectError};
use lateen_core::journal::Level;
use lateen_core::restore::existing::{Decision, compared};
use lateen_core::restore::preview::{Difference, Fate, Message, Place};
use serde_json::Value;

use super::refusal::Refusal;
use super::{DRY_RUN, Decisions, Destination, Foresight, Item, place, unverified, within};

impl Foresight {
    pub(super) async fn existing(
        &self,
        decisions: &Decisions,
        item: &Item,
        to: &Destination,
        object: &Value,
        in_cluster: &Value,
    ) -> Place {
        if let Some(line) = decisions.item_action_in_place(item, to, in_cluster) {
            decisions.journal.result(Level::Warning, &item.place(), line.clone());
            let message = Some(Message::warning(line.clone()));
            return Place { reason: Some(line), message, ..place(to, Fate::Differs) };
        }
        let kind = &item.planned.kind;
        let (wanted, there) = compared(kind, object, in_cluster);
        match decisions.decision(item, object, in_cluster) {
            Decision::CreatedByThisRun | Decision::Same => place(to, Fate::Unchanged),
            Decision::Keep(warning) => {
                decisions.journal.result(Level::Warning, &item.place(), warning.clone());
                let difference = Difference::between(&there, &wanted);
                Place { difference, message: Some(Message::warning(warning)), ..place(to, Fate::Differs) }
            }
            Decision::Label(patch) => match patched(decisions, to, &patch).await {
                Ok(_) => place(to, Fate::Unchanged),
                Err(error) => self.not_patched(decisions, item, to, &error, Fate::Unchanged),
            },
            Decision::Extend(patch) | Decision::Update(patch) => {
                let (after, place) = match patched(decisions, to, &patch).await {
                    Ok(after) => (compared(kind, &after, in_cluster), place(to, Fate::Update)),
                    Err(error) => {
                        let foreseen = self.not_patched(decisions, item, to, &error, Fate::Update);
                        ((wanted, there), foreseen)
                    }
                };
                Place { difference: Difference::between(&after.1, &after.0), ..place }
            }
        }
    }

    /// `fate`: what it would be if the patch succeeded.
    fn not_patched(
        &self,
        decisions: &Decisions,
        item: &Item,
        to: &Destination,
        error: &ObjectError,
        fate: Fate,
    ) -> Place {
        let kind = &to.kind.group_resource;
        match Refusal::of(error) {
            Refusal::Rights => {
                self.lacks("patch", kind, to);
                unverified(to, fate, format!("you may not patch {kind}{}", within(to)))
            }
            Refusal::DryRun => unverified(to, fate, error.line()),
            Refusal::Silence => unverified(to, Fate::Unknown, error.line()),
            Refusal::Object | Refusal::Namespace | Refusal::Terminating => {
                let line = format!("error patching {}: {}", item.id(), error.line());
                decisions.journal.result(Level::Warning, &item.place(), line.clone());
                let message = Some(Message::warning(line));
                Place { reason: Some(error.line()), message, ..place(to, Fate::Refuse) }
            }
        }
    }
}

/// The object as it would be after the patch.
async fn patched(decisions: &Decisions, to: &Destination, patch: &Value) -> Result<Value, ObjectError> {
    let client = &decisions.context.client;
    let answer = object::merge_patch(client, &to.kind, &to.object, patch.to_string(), DRY_RUN).await?;
    // What the API server sends is JSON; if it were not, nothing would be known about the difference.
    Ok(serde_json::from_str(&answer).unwrap_or_default())
}
