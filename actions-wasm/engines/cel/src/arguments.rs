//! What functions of the language get and answer.

use cel::{
    ExecutionError,
    common::{
        types::{CelNull, CelString},
        value::CowVal,
    },
};

/// What a function of the language answers.
pub(crate) type Answered<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// An argument that the declaration says is text.
pub(crate) fn text<'a>(arguments: &'a [CowVal<'_, '_>], index: usize) -> &'a str {
    arguments.get(index).and_then(|value| value.downcast_ref::<CelString>()).map_or("", CelString::inner)
}

/// A namespace: text, or null for none.
pub(crate) fn namespace(
    arguments: &[CowVal<'_, '_>],
    function: &str,
) -> Result<Option<String>, ExecutionError> {
    let value = &arguments[1];
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(None);
    }
    match value.downcast_ref::<CelString>() {
        Some(text) => Ok(Some(text.inner().to_owned())),
        None => Err(ExecutionError::function_error(function, "the namespace is a string, or null for none")),
    }
}
