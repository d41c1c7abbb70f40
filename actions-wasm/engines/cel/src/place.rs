//! Where in an expression an evaluation failed, and what it says about that.
//!
//! The interpreter's errors have a message and no place. The place is found by evaluating parts of the expression again: an expression that fails with
//! the error of one of its parts failed there. It costs time only where there is an error, and nothing happens twice, since expressions have no effects and
//! the cluster is asked once for each question.

use cel::{
    Context, ExecutionError, IdedExpr, Value,
    common::ast::{ComprehensionExpr, EntryExpr, Expr, operators},
    common::{types::CelBool, value::CowVal},
};

/// The innermost expression that fails with this error, the way to it included, outermost first.
pub(crate) fn trail<'e>(
    expression: &'e IdedExpr,
    context: &'e Context<'_, '_>,
    error: &ExecutionError,
) -> Vec<u64> {
    let mut trail = Vec::new();
    descend(expression, context, error, &mut trail);
    trail
}

fn descend<'e>(
    expression: &'e IdedExpr,
    context: &'e Context<'_, '_>,
    error: &ExecutionError,
    trail: &mut Vec<u64>,
) {
    trail.push(expression.id);
    if let Expr::Comprehension(comprehension) = &expression.expr {
        return in_loop(comprehension, context, error, trail);
    }
    if let Some(part) = parts(&expression.expr, context).into_iter().find(|part| fails(part, context, error))
    {
        descend(part, context, error, trail);
    }
}

fn fails<'e>(part: &'e IdedExpr, context: &'e Context<'_, '_>, error: &ExecutionError) -> bool {
    matches!(Value::resolve_val(part, context), Err(found) if found == *error)
}

/// The parts that are evaluated with the whole, in that order.
fn parts<'e>(expression: &'e Expr, context: &'e Context<'_, '_>) -> Vec<&'e IdedExpr> {
    match expression {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL && call.args.len() == 3 => {
            let condition = Value::resolve_val(&call.args[0], context).ok();
            let holds = condition.and_then(|value| value.downcast_ref::<CelBool>().map(|flag| *flag.inner()));
            match holds {
                None => vec![&call.args[0]],
                Some(holds) => vec![&call.args[if holds { 1 } else { 2 }]],
            }
        }
        Expr::Call(call) => call.args.iter().chain(call.target.as_deref()).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(literal) => literal.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Comprehension(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

/// Goes through the loop of a macro until the step that fails.
fn in_loop<'e>(
    comprehension: &'e ComprehensionExpr,
    context: &'e Context<'_, '_>,
    error: &ExecutionError,
    trail: &mut Vec<u64>,
) {
    for part in [&comprehension.iter_range, &comprehension.accu_init] {
        if fails(part, context, error) {
            return descend(part, context, error, trail);
        }
    }
    let range = Value::resolve_val(&comprehension.iter_range, context);
    let start = Value::resolve_val(&comprehension.accu_init, context);
    let (Ok(range), Ok(start)) = (range, start) else { return };
    let Some(elements) = range.as_iterable() else { return };
    let mut inner = context.new_inner_scope();
    inner.add_variable_as_val(&comprehension.accu_var, start.into_owned());
    let mut elements = elements.iter();
    while let Some(element) = elements.next() {
        inner.add_variable_as_val(&comprehension.iter_var, element.clone_as_boxed());
        match Value::resolve_val(&comprehension.loop_step, &inner).map(CowVal::into_owned) {
            Err(found) if found == *error => {
                return descend(&comprehension.loop_step, &inner, error, trail);
            }
            Err(_) => {}
            Ok(value) => inner.add_variable_as_val(&comprehension.accu_var, value),
        }
    }
    if fails(&comprehension.result, &inner, error) {
        descend(&comprehension.result, &inner, error, trail);
    }
}

/// The message. Types, never values: an item can be a Secret.
pub(crate) fn message(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key} (has() and .? test for one)"),
        ExecutionError::UndeclaredReference(name) => format!("`{name}` is not known"),
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::UnexpectedType { got, want } => {
            format!("a value of type {got} where {want} is needed")
        }
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            format!("`{operator}` does not take {} and {}", left.type_of(), right.type_of())
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("{} and {} cannot be compared", left.type_of(), right.type_of())
        }
        ExecutionError::UnsupportedIndex(index, value) => {
            format!("{} is no index for {}", index.type_of(), value.type_of())
        }
        ExecutionError::IndexOutOfBounds(Value::Int(index)) => format!("index {index} is out of bounds"),
        ExecutionError::IndexOutOfBounds(_) => "index out of bounds".into(),
        ExecutionError::UnsupportedKeyType(key) => {
            format!("a value of type {} cannot be a key", key.type_of())
        }
        ExecutionError::UnsupportedTargetType { target }
        | ExecutionError::NotSupportedAsMethod { target, .. } => {
            format!("a value of type {} has no such function", target.type_of())
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".into(),
        ExecutionError::Overflow(operator, ..) => format!("`{operator}` overflows"),
        ExecutionError::DuplicateKey(_) => "the same key twice in a map".into(),
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::MissingArgumentOrTarget
        | ExecutionError::InternalError(_) => error.to_string(),
        _ => "the expression cannot be evaluated".into(),
    }
}
