//! Counts what a guest takes: memories and tables of all its core instances together, since wasmtime's own limiter looks at each alone, and the memory of
//! all guests of the process.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use wasmtime::{ResourceLimiter, Result};

use crate::limits;

/// The memory that all guests of the process may have together.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    limit: usize,
    used: AtomicUsize,
}

impl SharedMemory {
    /// None of it is used.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    /// Whether instances that are not in use should be given up: more than half is taken.
    pub(crate) fn is_scarce(&self) -> bool {
        self.used() > self.limit / 2
    }

    /// Bytes that guests have now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= self.limit)
            })
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What a guest was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Memory,
    SharedMemory,
    TableElements,
}

impl Refused {
    pub(super) fn describe(self, limit: usize) -> String {
        match self {
            Self::Memory => format!("more than {} MiB of memory", limit >> 20),
            Self::SharedMemory => {
                "more memory, because all actions of the server together have no more left".to_owned()
            }
            Self::TableElements => "more table elements".to_owned(),
        }
    }
}

/// The account of one instance.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    limit: usize,
    used: usize,
    last_growth: usize,
    table_elements: usize,
    shared: Arc<SharedMemory>,
    /// What the guest was refused, to explain the trap that most guests answer with.
    pub(super) refused: Option<Refused>,
}

impl MemoryLimiter {
    pub(super) fn new(limit: usize, shared: Arc<SharedMemory>) -> Self {
        Self { limit, used: 0, last_growth: 0, table_elements: 0, shared, refused: None }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn shared(&self) -> &SharedMemory {
        &self.shared
    }

    fn refuse(&mut self, what: Refused) -> bool {
        self.refused = Some(what);
        self.last_growth = 0;
        false
    }
}

impl Drop for MemoryLimiter {
    fn drop(&mut self) {
        self.shared.give_back(self.used);
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        if self.used.saturating_add(growth) > self.limit {
            return Ok(self.refuse(Refused::Memory));
        }
        if !self.shared.take(growth) {
            return Ok(self.refuse(Refused::SharedMemory));
        }
        self.used += growth;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        // It was permitted here, and the system or the memory's own maximum said no.
        let growth = std::mem::take(&mut self.last_growth);
        self.used -= growth;
        self.shared.give_back(growth);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        if self.table_elements.saturating_add(growth) > limits::TABLE_ELEMENTS {
            return Ok(self.refuse(Refused::TableElements));
        }
        self.table_elements += growth;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        limits::TABLES
    }

    fn memories(&self) -> usize {
        limits::MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_share_what_the_process_has_and_give_it_back() {
        let shared = Arc::new(SharedMemory::new(100));
        let mut first = MemoryLimiter::new(80, Arc::clone(&shared));
        let mut second = MemoryLimiter::new(80, Arc::clone(&shared));
        assert!(first.memory_growing(0, 60, None).unwrap());
        assert!(shared.is_scarce());
        assert!(!first.memory_growing(60, 90, None).unwrap());
        assert_eq!(first.refused, Some(Refused::Memory));
        assert!(!second.memory_growing(0, 50, None).unwrap());
        assert_eq!(second.refused, Some(Refused::SharedMemory));
        drop(first);
        assert!(second.memory_growing(0, 50, None).unwrap());
        second.memory_grow_failed(wasmtime::format_err!("no pages")).unwrap();
        assert_eq!(shared.used(), 0);
    }
}
