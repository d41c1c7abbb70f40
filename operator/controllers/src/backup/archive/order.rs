//! The thread that puts things in order: what has its turn goes on to the output, what is early waits in a spool.
//!
//! It never waits for anything but messages and the scratch disk. What it holds for each thing that waits is small: places that follow
//! each other in the spool's file are one entry here, and of a related object there is its key.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use lateen_core::archive::path;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::output::{Gauges, Job};
use super::spool::{Run, Spool, SpoolError};
use super::{ArchiveError, ArchiveItem, ArchiveLimits, Slot};

/// What the archive is told.
#[derive(Debug)]
pub(super) enum Message {
    /// What stands in a place; with permits if it came from the sweep.
    Fill { place: u64, slots: Vec<Slot>, permit: Option<OwnedSemaphorePermit> },
    /// What became of a related object.
    Related { key: Arc<str>, item: Option<ArchiveItem> },
    /// Nothing more comes; so many places were reserved.
    Finish { places: u64 },
    /// The archive is not wanted any more.
    Abandon,
}

/// A part of a place: items that follow each other, or an object that a worker has.
enum Part {
    Run(Run),
    Related(Arc<str>),
}

/// Places that were filled before their turn, and follow each other.
struct Held {
    places: u64,
    parts: Vec<Part>,
}

impl Held {
    fn push(&mut self, part: Part) {
        let apart = match (self.parts.last_mut(), part) {
            (Some(Part::Run(last)), Part::Run(run)) => last.join(run).map(Part::Run),
            (_, part) => Some(part),
        };
        self.parts.extend(apart);
    }
}

pub(super) struct Order {
    jobs: Sender<Job>,
    gauges: Arc<Gauges>,
    early: Spool,
    related: Spool,
    /// What became of related objects. None: nothing, or they stand in the archive already. An entry has some 100 bytes and the key.
    came: BTreeMap<Arc<str>, Option<Run>>,
    /// The first place that was not begun yet.
    next: u64,
    /// What is left of the places before; if there is anything, it begins with a related object that has not come.
    begun: VecDeque<Part>,
    held: BTreeMap<u64, Held>,
}

impl Order {
    pub(super) fn new(
        limits: &ArchiveLimits,
        scratch: PathBuf,
        jobs: Sender<Job>,
        gauges: Arc<Gauges>,
    ) -> Self {
        Self {
            early: Spool::new(limits.early_memory, scratch.clone(), Arc::clone(&gauges.early)),
            related: Spool::new(limits.related_memory, scratch, Arc::clone(&gauges.related)),
            jobs,
            gauges,
            came: BTreeMap::new(),
            next: 0,
            begun: VecDeque::new(),
            held: BTreeMap::new(),
        }
    }

    /// Works until the archive is finished or abandoned. If it ends otherwise, the output does not finish its stream.
    pub(super) fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) -> Result<(), ArchiveError> {
        // However this ends: nobody waits any more then.
        let gauges = Arc::clone(&self.gauges);
        let _end = gauges.close_at_end();
        let ended = self.receive(&mut messages);
        if !matches!(ended, Ok(true)) {
            self.gauges.abandoned.store(true, Ordering::SeqCst);
        }
        ended.map(drop)
    }

    /// Whether the archive was finished.
    fn receive(&mut self, messages: &mut mpsc::UnboundedReceiver<Message>) -> Result<bool, ArchiveError> {
        loop {
            match messages.blocking_recv() {
                Some(Message::Fill { place, slots, permit }) => self.fill(place, slots, permit)?,
                Some(Message::Related { key, item }) => self.related(key, item)?,
                Some(Message::Finish { places }) => return self.finish(places).map(|()| true),
                Some(Message::Abandon) | None => return Ok(false),
            }
        }
    }

    fn fill(
        &mut self,
        place: u64,
        slots: Vec<Slot>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), ArchiveError> {
        let permit = permit.map(Arc::new);
        let has_turn = place == self.next && self.begun.is_empty();
        let mut waits = Vec::new();
        for group in groups(slots)? {
            let part = match (group, &permit) {
                (Group::Related(key), _) => Part::Related(key),
                (Group::Items(items), Some(permit)) if has_turn && waits.is_empty() => {
                    Part::Run(Run::InLine(items, Arc::clone(permit)))
                }
                (Group::Items(items), _) => Part::Run(self.early.put(items)?),
            };
            if has_turn && waits.is_empty() {
                waits.extend(self.write(part)?);
            } else {
                waits.push(part);
            }
        }
        if has_turn {
            self.next += 1;
            self.begun.extend(waits);
            self.go_on()
        } else {
            self.hold(place, waits);
            Ok(())
        }
    }

    /// Keeps what is early. A page of the sweep that follows another in the file becomes part of its entry.
    fn hold(&mut self, place: u64, parts: Vec<Part>) {
        match self.held.range_mut(..place).next_back() {
            Some((first, held)) if first + held.places == place => {
                held.places += 1;
                for part in parts {
                    held.push(part);
                }
            }
            _ => drop(self.held.insert(place, Held { places: 1, parts })),
        }
    }

    /// Hands on everything that has its turn now.
    fn go_on(&mut self) -> Result<(), ArchiveError> {
        loop {
            while let Some(part) = self.begun.pop_front() {
                if let Some(waits) = self.write(part)? {
                    self.begun.push_front(waits);
                    return Ok(());
                }
            }
            let Some(held) = self.held.remove(&self.next) else { return Ok(()) };
            self.next += held.places;
            self.begun.extend(held.parts);
        }
    }

    /// Hands a part on; gives it back if it has to wait.
    fn write(&mut self, part: Part) -> Result<Option<Part>, ArchiveError> {
        match part {
            Part::Run(run) => self.send(run)?,
            Part::Related(key) => match self.came.get_mut(&key).map(Option::take) {
                Some(run) => run.map_or(Ok(()), |run| self.send(run))?,
                None => return Ok(Some(Part::Related(key))),
            },
        }
        Ok(None)
    }

    fn send(&self, run: Run) -> Result<(), ArchiveError> {
        self.jobs.send(Job::Write(run)).map_err(|_| ArchiveError::Ended)
    }

    fn related(&mut self, key: Arc<str>, item: Option<ArchiveItem>) -> Result<(), ArchiveError> {
        if self.came.contains_key(&key) {
            return Err(ArchiveError::Twice { key });
        }
        let run = match item {
            Some(item) => {
                check(&item)?;
                Some(self.related.put(vec![item])?)
            }
            None => None,
        };
        self.came.insert(Arc::clone(&key), run);
        if matches!(self.begun.front(), Some(Part::Related(awaited)) if *awaited == key) {
            self.go_on()?;
        }
        // From now on every related object goes straight into the line until the file has run empty: that is why the sweep may wait for it.
        if self.related.is_over() {
            let early = self.write_related()?;
            self.gauges.written_early.fetch_add(early, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Hands on the related objects that stand nowhere so far, sorted by key. How many there were.
    fn write_related(&mut self) -> Result<u64, ArchiveError> {
        let runs: Vec<Run> = self.came.values_mut().filter_map(Option::take).collect();
        let count = runs.len() as u64;
        runs.into_iter().try_for_each(|run| self.send(run))?;
        Ok(count)
    }

    fn finish(&mut self, places: u64) -> Result<(), ArchiveError> {
        let filled = self.next + self.held.values().map(|held| held.places).sum::<u64>();
        if filled < places {
            return Err(ArchiveError::Unfilled { places: places - filled });
        }
        if let Some(Part::Related(key)) = self.begun.front() {
            return Err(ArchiveError::Missing { key: Arc::clone(key) });
        }
        self.write_related()?;
        self.jobs.send(Job::End).map_err(|_| ArchiveError::Ended)
    }
}

enum Group {
    Items(Vec<ArchiveItem>),
    Related(Arc<str>),
}

/// Slots as runs of items and what stands between them.
fn groups(slots: Vec<Slot>) -> Result<Vec<Group>, ArchiveError> {
    let mut groups = Vec::new();
    for slot in slots {
        match (slot, groups.last_mut()) {
            (Slot::Related(key), _) => groups.push(Group::Related(key)),
            (Slot::Item(item), last) => {
                check(&item)?;
                match last {
                    Some(Group::Items(items)) => items.push(item),
                    _ => groups.push(Group::Items(vec![item])),
                }
            }
        }
    }
    Ok(groups)
}

/// The last look at paths: the server that named the objects may be hostile.
fn check(item: &ArchiveItem) -> Result<(), ArchiveError> {
    item.paths.iter().try_for_each(|path| path::parse(path).map(drop)).map_err(ArchiveError::Path)
}

impl From<SpoolError> for ArchiveError {
    fn from(SpoolError(error): SpoolError) -> Self {
        Self::Scratch(error)
    }
}
