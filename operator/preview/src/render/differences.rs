//! The difference between the cluster and the backup: in one line which fields, or in full.

use lateen_core::restore::preview::{Difference, Fate, ObjectPreview};
use lateen_kit::diff;
use lateen_kit::screen::{Paint, line};

/// Fields that are named in one line.
const FIELDS: usize = 4;

/// `spec.replicas, data.color and 2 more`.
pub(super) fn brief(difference: &Difference) -> String {
    let fields = difference.fields();
    let named: Vec<String> = fields.iter().take(FIELDS).map(|field| line(field).into_owned()).collect();
    let more = match fields.len().saturating_sub(FIELDS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

/// As `diff -u` has it; where the states were not kept, the patch.
pub(super) fn full(object: &ObjectPreview, difference: &Difference, paint: Paint) -> String {
    let after = if object.fate == Fate::Update { "after the restore" } else { "in the backup" };
    match (&difference.before, &difference.after) {
        (Some(before), Some(then)) => {
            diff::unified(("in the cluster", after), &diff::yaml(before), &diff::yaml(then), paint)
        }
        _ => {
            format!("too long to be kept in full; the fields that change:\n{}", diff::yaml(&difference.patch))
        }
    }
}
