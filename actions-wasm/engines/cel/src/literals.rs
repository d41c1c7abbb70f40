//! `JSONPatch{...}` and `Object{...}`, as in a MutatingAdmissionPolicy.
//!
//! Both make a plain structure: what it means for the item is decided where the expression ends, in `answer`. There is no schema here: an `Object` takes
//! any field, the API server will say what it does not know.

use std::collections::BTreeMap;

use cel::{
    ExecutionError, StructType,
    common::{
        types::{CelStruct, Type},
        value::{CowVal, Val},
    },
};

/// One operation of a JSON patch.
pub(crate) const OPERATION: &str = "JSONPatch";
/// Its members, RFC 6902.
pub(crate) const MEMBERS: [&str; 4] = ["op", "path", "from", "value"];
/// A merge patch, and, as `Object.spec.template`, what stands in it.
pub(crate) const OBJECT: &str = "Object";

/// Whether a literal of this name means something.
pub(crate) fn is_known(name: &str) -> bool {
    name == OPERATION || name == OBJECT || name.strip_prefix(OBJECT).is_some_and(|rest| rest.starts_with('.'))
}

/// A type that literals are made of.
pub(crate) struct Literal(Type);

impl Literal {
    /// The type of that name, one that [`is_known`].
    pub(crate) fn named(name: &str) -> Self {
        Self(Type::new_struct(name.to_owned()))
    }
}

impl StructType for Literal {
    fn get_type(&self) -> &Type {
        &self.0
    }

    fn new_value<'b, 'v>(
        &self,
        fields: BTreeMap<String, CowVal<'b, 'v>>,
    ) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        let name = self.0.name();
        let mut value = CelStruct::new(name.to_owned());
        for (field, content) in fields {
            if name == OPERATION && !MEMBERS.contains(&field.as_str()) {
                let known = MEMBERS.join(", ");
                return Err(ExecutionError::function_error(
                    OPERATION,
                    format!("no field `{field}`, only {known}"),
                ));
            }
            value.add_field_value(field, content);
        }
        Ok(Box::new(value))
    }
}
