//! From two values of a language to a patch: as short as is cheap to find, and always the same for the same two values.
//!
//! The language's values are walked as they are, through the small trait [`Node`]; nothing is converted, and what both sides share is not looked
//! into. What did not change is never in the patch, so that a language which damages large integers or key order on parsing harms nothing.
//!
//! Elements of lists are told apart by their `name`, as Kubernetes does, or by being equal. A patch has at most [`MAX_OPERATIONS`]: where there would be
//! more, the smallest subtrees that help are replaced whole, the object itself never. Changes of apiVersion, kind and metadata.name are no operations but a
//! new [`Identity`](crate::Identity), for which the host wants a grant.

mod alignment;
mod identity;

use std::collections::BTreeMap;

use alignment::{Pairing, align};

use crate::patch::{Operation, Patch, Step, push_key, write_string};

/// Operations of a patch; what the host accepts.
pub const MAX_OPERATIONS: usize = 1000;

/// Levels of objects and lists in an item; what the host accepts, and what fits on the stack.
pub const MAX_LEVELS: usize = 100;

/// A value of a language, seen as JSON.
///
/// Cheap to clone: a handle, a counted pointer or a reference.
pub trait Node: Clone {
    /// Key of an object.
    type Key: AsRef<str>;

    /// True where it costs nothing to see that both are the same, as for two pointers to one place. False promises nothing.
    fn same(&self, other: &Self) -> bool;

    /// What it is made of. Entries in an order that is the same for equal objects made in the same way.
    ///
    /// # Errors
    /// Where the value has no form in JSON: what is wrong with it.
    fn shape(&self) -> Result<Shape<Self>, String>;

    /// Whether two scalars are equal; of different types they are not.
    fn equal(&self, other: &Self) -> bool;

    /// Appends a scalar as JSON.
    ///
    /// # Errors
    /// Where the value has no form in JSON: what is wrong with it.
    fn write(&self, out: &mut String) -> Result<(), String>;
}

/// What a value is made of.
#[derive(Clone, Debug)]
pub enum Shape<N: Node> {
    /// Null, a boolean, a number or a string.
    Scalar,
    /// A list.
    List(Vec<N>),
    /// An object; no key twice.
    Object(Vec<(N::Key, N)>),
}

/// The patch that makes `new` of `old`, both objects.
///
/// # Errors
/// For the author of the script: `new` is no object, has no form in JSON, is too deep, or has more than [`MAX_OPERATIONS`] changed keys at the top.
pub fn diff<N: Node>(old: &N, new: &N) -> Result<Patch, String> {
    if old.same(new) {
        return Ok(Patch::default());
    }
    let (Shape::Object(before), Shape::Object(after)) = (old.shape()?, new.shape()?) else {
        return Err("the result is no object".to_owned());
    };
    let mut walk = Walk { path: String::new(), level: 1 };
    let mut operations = walk
        .objects(&before, &after)?
        .ok_or_else(|| format!("more than {MAX_OPERATIONS} keys at the top of the object have changed"))?;
    let identity = identity::taken_from(&mut operations, &after)?;
    Ok(Patch { operations, identity })
}

/// The way through both values.
struct Walk {
    /// Where it stands, a JSON pointer.
    path: String,
    /// How many objects and lists it stands in.
    level: usize,
}

/// What one child contributes to its parent.
struct Part<N> {
    operations: Vec<Operation>,
    /// The child as it is to be, where it was looked into: to replace it as a whole if there are too many operations.
    whole: Option<(String, N)>,
}

impl Walk {
    /// The operations for two values at the path that stands in both.
    fn values<N: Node>(&mut self, old: &N, new: &N) -> Result<Vec<Operation>, String> {
        if old.same(new) {
            return Ok(Vec::new());
        }
        self.level += 1;
        let operations = match (old.shape()?, self.shape(new)?) {
            (Shape::Object(before), Shape::Object(after)) => self.objects(&before, &after)?,
            (Shape::List(before), Shape::List(after)) => self.lists(&before, &after)?,
            (Shape::Scalar, Shape::Scalar) if old.equal(new) => Some(Vec::new()),
            _ => None,
        };
        self.level -= 1;
        match operations {
            Some(operations) => Ok(operations),
            None => Ok(vec![self.step(Step::Replace(self.json(new)?))]),
        }
    }

    /// None: there would be too many, even with every child replaced whole.
    fn objects<N: Node>(
        &mut self,
        before: &[(N::Key, N)],
        after: &[(N::Key, N)],
    ) -> Result<Option<Vec<Operation>>, String> {
        let (partners, gone) = partners(before, after);
        let mut parts = Vec::new();
        for (key, _) in gone.iter().map(|&index| &before[index]) {
            parts.push(self.at_key(key.as_ref(), |walk| Ok(Part::of(walk.step(Step::Remove))))?);
        }
        for ((key, new), partner) in after.iter().zip(partners) {
            let part = self.at_key(key.as_ref(), |walk| match partner {
                Some(index) => walk.child(&before[index].1, new),
                None => Ok(Part::of(walk.step(Step::Add(walk.json(new)?)))),
            })?;
            if !part.operations.is_empty() {
                parts.push(part);
            }
            if parts.len() > MAX_OPERATIONS {
                return Ok(None);
            }
        }
        self.joined(parts)
    }

    /// None: there would be too many, even with every child replaced whole.
    fn lists<N: Node>(&mut self, before: &[N], after: &[N]) -> Result<Option<Vec<Operation>>, String> {
        let mut parts = Vec::new();
        // Where it stands in the list as the operations so far have left it.
        let mut place = 0;
        for pairing in align(before, after)? {
            let part = self.at_key(&place.to_string(), |walk| match pairing {
                Pairing::Both(old, new) => walk.child(&before[old], &after[new]),
                Pairing::Same => Ok(Part::default()),
                Pairing::Gone => Ok(Part::of(walk.step(Step::Remove))),
                Pairing::Added(new) => Ok(Part::of(walk.step(Step::Add(walk.json(&after[new])?)))),
            })?;
            if !part.operations.is_empty() {
                parts.push(part);
            }
            if !matches!(pairing, Pairing::Gone) {
                place += 1;
            }
            if parts.len() > MAX_OPERATIONS {
                return Ok(None);
            }
        }
        self.joined(parts)
    }

    fn child<N: Node>(&mut self, old: &N, new: &N) -> Result<Part<N>, String> {
        let operations = self.values(old, new)?;
        let whole = (operations.len() > 1).then(|| (self.path.clone(), new.clone()));
        Ok(Part { operations, whole })
    }

    /// One list of operations, with the largest children replaced whole until there are few enough.
    fn joined<N: Node>(&self, mut parts: Vec<Part<N>>) -> Result<Option<Vec<Operation>>, String> {
        let mut total: usize = parts.iter().map(|part| part.operations.len()).sum();
        while total > MAX_OPERATIONS {
            let Some(largest) =
                parts.iter_mut().filter(|part| part.whole.is_some()).max_by_key(|part| part.operations.len())
            else {
                return Ok(None);
            };
            if let Some((path, new)) = largest.whole.take() {
                total -= largest.operations.len() - 1;
                largest.operations = vec![Operation { path, step: Step::Replace(self.json(&new)?) }];
            }
        }
        Ok(Some(parts.into_iter().flat_map(|part| part.operations).collect()))
    }

    fn at_key<T>(
        &mut self,
        key: &str,
        work: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let length = self.path.len();
        push_key(&mut self.path, key);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    fn step(&self, step: Step) -> Operation {
        Operation { path: self.path.clone(), step }
    }

    fn shape<N: Node>(&self, value: &N) -> Result<Shape<N>, String> {
        let shape = value.shape().map_err(|reason| self.no_json(&reason))?;
        if self.level > MAX_LEVELS && !matches!(shape, Shape::Scalar) {
            return Err(self.no_json(&format!("more than {MAX_LEVELS} levels deep")));
        }
        Ok(shape)
    }

    /// A value as JSON text.
    fn json<N: Node>(&self, value: &N) -> Result<String, String> {
        let mut out = String::new();
        self.write(value, self.level + 1, &mut out)?;
        Ok(out)
    }

    fn write<N: Node>(&self, value: &N, level: usize, out: &mut String) -> Result<(), String> {
        let shape =
            Walk { path: String::new(), level }.shape(value).map_err(|reason| self.no_json(&reason))?;
        match shape {
            Shape::Scalar => value.write(out).map_err(|reason| self.no_json(&reason))?,
            Shape::List(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.write(element, level + 1, out)?;
                }
                out.push(']');
            }
            Shape::Object(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(out, key.as_ref());
                    out.push(':');
                    self.write(value, level + 1, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    fn no_json(&self, reason: &str) -> String {
        format!(
            "the result at {} cannot be used: {reason}",
            if self.path.is_empty() { "the top" } else { &self.path }
        )
    }
}

impl<N> Default for Part<N> {
    fn default() -> Self {
        Self { operations: Vec::new(), whole: None }
    }
}

impl<N> Part<N> {
    fn of(operation: Operation) -> Self {
        Self { operations: vec![operation], whole: None }
    }
}

/// For each entry of `after` the entry of `before` with the same key, and the entries of `before` that have none.
fn partners<N: Node>(before: &[(N::Key, N)], after: &[(N::Key, N)]) -> (Vec<Option<usize>>, Vec<usize>) {
    if before.len() == after.len()
        && before.iter().zip(after).all(|((old, _), (new, _))| old.as_ref() == new.as_ref())
    {
        return ((0..before.len()).map(Some).collect(), Vec::new());
    }
    let mut left: BTreeMap<&str, usize> =
        before.iter().enumerate().map(|(index, (key, _))| (key.as_ref(), index)).collect();
    let partners = after.iter().map(|(key, _)| left.remove(key.as_ref())).collect();
    let mut gone: Vec<usize> = left.into_values().collect();
    gone.sort_unstable();
    (partners, gone)
}
