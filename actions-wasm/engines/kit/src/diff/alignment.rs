//! Which elements of two lists belong together.
//!
//! Lists of one length are paired in order: a script that maps over a list touches no element that it did not mean to. Where the lengths differ, what is equal
//! at both ends stays; in between it is the longest common subsequence of elements that are akin, two objects with the same `name` or two equal values. What is
//! left over between those is paired in order, and the rest is gone or new.

use super::{Node, Shape};

/// Pairs that are compared for a subsequence, at most 64 x 64; longer stretches are paired in order. Each comparison may look through two elements.
const MAX_COMPARED: usize = 64 * 64;

/// One step through both lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// The next element is the same in both.
    Same,
    /// The old element at one index becomes the new one at another.
    Both(usize, usize),
    /// The next old element is gone.
    Gone,
    /// The new element at this index has no old one.
    Added(usize),
}

/// The steps that lead through both lists, in order; those for an equal end are left out.
pub(super) fn align<N: Node>(before: &[N], after: &[N]) -> Result<Vec<Pairing>, String> {
    if before.len() == after.len() {
        return Ok((0..before.len()).map(|index| Pairing::Both(index, index)).collect());
    }
    let shorter = before.len().min(after.len());
    let mut front = 0;
    while front < shorter && equal(&before[front], &after[front])? {
        front += 1;
    }
    let mut back = 0;
    while back < shorter - front && equal(&before[before.len() - 1 - back], &after[after.len() - 1 - back])? {
        back += 1;
    }
    let (old, new) = (front..before.len() - back, front..after.len() - back);
    let mut steps: Vec<Pairing> = vec![Pairing::Same; front];
    let anchors = anchors(&before[old.clone()], &after[new.clone()])?;
    let (mut at, mut to) = (old.start, new.start);
    for (i, j) in anchors.into_iter().map(|(i, j)| (i + front, j + front)).chain([(old.end, new.end)]) {
        let paired = (i - at).min(j - to);
        steps.extend((0..paired).map(|k| Pairing::Both(at + k, to + k)));
        steps.extend((at + paired..i).map(|_| Pairing::Gone));
        steps.extend((to + paired..j).map(Pairing::Added));
        if i < old.end && j < new.end {
            steps.push(Pairing::Both(i, j));
        }
        (at, to) = (i + 1, j + 1);
    }
    Ok(steps)
}

/// Index pairs of the longest common subsequence.
fn anchors<N: Node>(before: &[N], after: &[N]) -> Result<Vec<(usize, usize)>, String> {
    let (rows, columns) = (before.len(), after.len());
    if rows == 0 || columns == 0 || rows.saturating_mul(columns) > MAX_COMPARED {
        return Ok(Vec::new());
    }
    let old_names = before.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    let new_names = after.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    let mut akin = vec![vec![false; columns]; rows];
    let mut longest = vec![vec![0_usize; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            akin[i][j] = match (&old_names[i], &new_names[j]) {
                (Some(old), Some(new)) => old == new,
                _ => equal(&before[i], &after[j])?,
            };
            longest[i][j] =
                if akin[i][j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::with_capacity(longest[0][0]);
    while i < rows && j < columns {
        if akin[i][j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    Ok(pairs)
}

/// The `name` of an object, as JSON text.
fn name<N: Node>(element: &N) -> Result<Option<String>, String> {
    let Shape::Object(entries) = element.shape()? else { return Ok(None) };
    let Some((_, value)) = entries.iter().find(|(key, _)| key.as_ref() == "name") else { return Ok(None) };
    if !matches!(value.shape()?, Shape::Scalar) {
        return Ok(None);
    }
    let mut text = String::new();
    value.write(&mut text)?;
    Ok(Some(text))
}

/// Whether two values are equal all the way down; objects whatever the order of their keys. Ends at the depth of the shallower one, the old.
fn equal<N: Node>(old: &N, new: &N) -> Result<bool, String> {
    if old.same(new) {
        return Ok(true);
    }
    match (old.shape()?, new.shape()?) {
        (Shape::Scalar, Shape::Scalar) => Ok(old.equal(new)),
        (Shape::List(old), Shape::List(new)) => {
            if old.len() != new.len() {
                return Ok(false);
            }
            for (old, new) in old.iter().zip(&new) {
                if !equal(old, new)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Shape::Object(old), Shape::Object(new)) => {
            if old.len() != new.len() {
                return Ok(false);
            }
            let (partners, _) = super::partners(&old, &new);
            for ((_, new), partner) in new.iter().zip(partners) {
                let Some(partner) = partner else { return Ok(false) };
                if !equal(&old[partner].1, new)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}
