//! Lists that are merged: by a key of their elements, or, where these are no objects, by what they are.

use serde_json::Value;

use super::{
    Fault, Object,
    directive::{Marker, fresh},
    merge_objects,
};
use crate::schema::Field;

/// Merges a list of a patch into a list.
pub(super) fn merge_list(there: Vec<Value>, patch: Vec<Value>, field: Field) -> Result<Vec<Value>, Fault> {
    let key = key_of(field, there.iter().chain(&patch))?;
    let order = named(&patch);
    merge_by(there, patch, field, key, &order)
}

/// Merges the list of a patch, if there is one, and puts the result into this order.
pub(super) fn set_order(
    there: Option<Vec<Value>>,
    patch: Option<Vec<Value>>,
    order: &[Value],
    field: Field,
) -> Result<Vec<Value>, Fault> {
    let key = key_of(field, there.iter().chain(&patch).flatten())?;
    check_order(patch.as_deref().unwrap_or_default(), order, key)?;
    match (there, patch) {
        (there, None) => {
            let there = there.unwrap_or_default();
            Ok(arrange(there.clone(), order, &there, key))
        }
        // A list that is not merged is the patch's, and the object's order is nothing to it.
        (Some(there), Some(patch)) if field.merge.is_some() => merge_by(there, patch, field, key, order),
        (_, Some(patch)) => Ok(arrange(additions(patch), order, &[], key)),
    }
}

/// Removes elements.
pub(super) fn delete_elements(list: &mut Vec<Value>, elements: &[Value]) {
    list.retain(|element| !elements.contains(element));
}

/// How elements are told apart: by a key, or by themselves.
type Key = Option<&'static str>;

fn key_of<'a>(field: Field, mut elements: impl Iterator<Item = &'a Value>) -> Result<Key, Fault> {
    let key = field.merge.filter(|key| !key.is_empty());
    let objects = elements.any(Value::is_object);
    if objects && key.is_none() && field.merge.is_some() {
        return Err("a list of objects is merged by a key, and this one has none".to_owned());
    }
    Ok(key)
}

fn merge_by(
    there: Vec<Value>,
    patch: Vec<Value>,
    field: Field,
    key: Key,
    order: &[Value],
) -> Result<Vec<Value>, Fault> {
    let Some(key) = key else {
        let mut merged = there.clone();
        for element in patch {
            if !merged.contains(&element) {
                merged.push(element);
            }
        }
        return Ok(arrange(merged, order, &there, None));
    };
    let mut replaced = false;
    let mut merged = there.clone();
    let mut rest = Vec::new();
    for element in patch {
        let Value::Object(mut element) = element else {
            return Err(format!("its elements are objects with the key {key}, and {element} is none"));
        };
        match Marker::take(&mut element)? {
            Some(Marker::Replace) => {
                replaced = true;
                rest.extend((!element.is_empty()).then_some(element));
            }
            Some(Marker::Delete) => {
                let value = key_value(&element, key)?;
                merged.retain(|one| one.get(key) != Some(value));
            }
            Some(Marker::Merge) | None => rest.push(element),
        }
    }
    if replaced {
        return Ok(rest.into_iter().filter_map(|element| fresh(Value::Object(element))).collect());
    }
    for element in rest {
        let value = key_value(&element, key)?.clone();
        match merged.iter_mut().find(|one| one.get(key) == Some(&value)) {
            Some(Value::Object(one)) => {
                *one = merge_objects(std::mem::take(one), element, field.schema())?;
            }
            _ => merged.extend(fresh(Value::Object(element))),
        }
    }
    Ok(arrange(merged, order, &there, Some(key)))
}

fn key_value<'a>(element: &'a Object, key: &str) -> Result<&'a Value, Fault> {
    let found = element.get(key).filter(|value| !value.is_null());
    found.ok_or_else(|| format!("every element of the patch needs its key {key}, and one has none"))
}

/// Elements of a patch that is not merged with anything.
fn additions(patch: Vec<Value>) -> Vec<Value> {
    match fresh(Value::Array(patch)) {
        Some(Value::Array(elements)) => elements,
        _ => Vec::new(),
    }
}

/// The elements that a patch names, but for those that are only there to say something.
fn named(patch: &[Value]) -> Vec<Value> {
    patch.iter().filter(|element| element.get("$patch").is_none()).cloned().collect()
}

/// An element's place in a list.
fn place(list: &[Value], element: &Value, key: Key) -> Option<usize> {
    match key {
        Some(key) => {
            let value = element.get(key)?;
            list.iter().position(|one| one.get(key) == Some(value))
        }
        None => list.iter().position(|one| one == element),
    }
}

/// A patch has to name its elements in the order that it asks for.
fn check_order(patch: &[Value], order: &[Value], key: Key) -> Result<(), Fault> {
    let mut last = None;
    for element in patch.iter().filter(|element| element.get("$patch").is_none()) {
        let place = place(order, element, key);
        if place.is_none() || place < last {
            return Err(
                "$setElementOrder must name all elements of the patch, in the patch's order".to_owned()
            );
        }
        last = place;
    }
    Ok(())
}

/// Puts what `order` names into that order, and between it what it does not name: that comes before an element which it came before in the list as it was.
fn arrange(elements: Vec<Value>, order: &[Value], before: &[Value], key: Key) -> Vec<Value> {
    let (mut ordered, mut others): (Vec<_>, Vec<_>) =
        elements.into_iter().partition(|element| place(order, element, key).is_some());
    ordered.sort_by_key(|element| place(order, element, key));
    others.sort_by_key(|element| place(before, element, key).unwrap_or(usize::MAX));
    let mut arranged = Vec::with_capacity(ordered.len() + others.len());
    let (mut ordered, mut others) = (ordered.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(one), Some(other)) = (ordered.peek(), others.peek()) {
        let comes_first = match (place(before, other, key), place(before, one, key)) {
            (Some(other), Some(one)) => other < one,
            _ => false,
        };
        arranged.extend(if comes_first { others.next() } else { ordered.next() });
    }
    arranged.extend(ordered);
    arranged.extend(others);
    arranged
}
