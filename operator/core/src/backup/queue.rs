//! The queue of backups: first come, first served, and it moves whenever a run ends, however that run ended.

/// A backup as the queue sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// metadata.name.
    pub name: String,
    /// status.queuePosition; 0 when it has none.
    pub position: i64,
}

/// The position of a newcomer behind those that wait.
pub fn next_position(waiting: &[Waiting]) -> i64 {
    waiting.iter().map(|w| w.position).max().unwrap_or(0).saturating_add(1)
}

/// Who is next: the lowest position, names deciding between equals. Backups without a position (another server's, or damaged) come last.
pub fn next(waiting: &[Waiting]) -> Option<&Waiting> {
    waiting.iter().min_by_key(|w| (if w.position > 0 { w.position } else { i64::MAX }, w.name.clone()))
}

/// The positions of those that still wait, renumbered from 1 in order: only those that change.
pub fn renumber(waiting: &[Waiting]) -> Vec<Waiting> {
    let mut left: Vec<Waiting> = waiting.to_vec();
    let mut renumbered = Vec::new();
    for position in 1.. {
        let Some(first) = next(&left).cloned() else { break };
        left.retain(|w| w.name != first.name);
        if first.position != position {
            renumbered.push(Waiting { name: first.name, position });
        }
    }
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(list: &[(&str, i64)]) -> Vec<Waiting> {
        list.iter()
            .map(|(name, position)| Waiting { name: (*name).to_owned(), position: *position })
            .collect()
    }

    #[test]
    fn the_queue_is_fair_and_closes_up() {
        let queue = waiting(&[("c", 4), ("lost", 0), ("a", 2), ("b", 2)]);
        assert_eq!(next_position(&queue), 5);
        assert_eq!(next(&queue).unwrap().name, "a");
        assert_eq!(renumber(&queue), waiting(&[("a", 1), ("c", 3), ("lost", 4)]));
        assert_eq!(next(&[]), None);
    }
}
