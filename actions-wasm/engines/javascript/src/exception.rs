//! What QuickJS throws, as a line for the author.

use lateen_engine_kit::{Position, located};
use rquickjs::{CaughtError, Ctx, Error, Exception, Object, Value};

/// `script.js:3:5: TypeError: cannot read property 'x' of undefined`.
pub(crate) fn describe(script: &str, ctx: &Ctx<'_>, error: Error) -> String {
    match CaughtError::from_error(ctx, error) {
        CaughtError::Exception(exception) => {
            let position = exception.stack().and_then(|stack| place(script, &stack));
            located(script, position, text(&exception))
        }
        CaughtError::Value(value) => located(script, None, format!("threw {}", thrown(&value))),
        CaughtError::Error(error) => located(script, None, error),
    }
}

fn text(exception: &Exception<'_>) -> String {
    let object: &Object<'_> = exception.as_object();
    let name: String = object.get("name").unwrap_or_else(|_| "Error".into());
    let message = exception.message().unwrap_or_default();
    match (name.as_str(), message.as_str()) {
        (name, "") => name.to_owned(),
        // An author's own `new Error("why")` says all there is to say.
        ("Error", message) => message.to_owned(),
        (name, message) => format!("{name}: {message}"),
    }
}

fn thrown(value: &Value<'_>) -> String {
    match value.as_string().map(rquickjs::String::to_string) {
        Some(Ok(text)) => text,
        _ => format!("a value of type {}: throw an Error instead", value.type_name()),
    }
}

/// The innermost place in the script: frames look like `    at name (script.js:3:5)`, and like `    at script.js:3:5` where it cannot be parsed.
fn place(script: &str, stack: &str) -> Option<Position> {
    let frame = |line: &str| {
        let place = line.trim_end_matches(')').rsplit(['(', ' ']).next()?.strip_prefix(script)?;
        let (line, column) = place.strip_prefix(':')?.split_once(':')?;
        Some(Position { line: line.parse().ok()?, column: column.parse().ok()? })
    };
    stack.lines().find_map(frame)
}
