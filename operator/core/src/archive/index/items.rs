//! The items of one kind and namespace, packed: 16 bytes and the name for each, in two allocations for all of them.
//!
//! An archive of a large cluster has hundreds of thousands of items, and its index stays in memory as long as the restore runs. Items come
//! in the order of the archive, which is mostly that of their names; [`Gathered::sorted`] sorts where it is not, once.

use super::Location;

/// The bytes matched the label selector.
const SELECTED: u64 = 1 << 63;

/// The bytes are an object with the name of its file.
const READABLE: u64 = 1 << 62;

/// From the folder of a version: counts only if there is no plain copy.
const STAND_IN: u64 = 1 << 61;

/// What is left for the offset: more than any spool has.
const OFFSET: u64 = STAND_IN - 1;

/// Items of one kind and namespace, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items {
    names: String,
    slots: Vec<Slot>,
}

/// One item: where its name ends in the text of all names, and where its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    name_end: u32,
    len: u32,
    /// Offset in the spool and marks.
    at: u64,
}

impl Slot {
    fn location(self) -> Location {
        Location {
            offset: self.at & OFFSET,
            len: self.len,
            selected: self.at & SELECTED != 0,
            readable: self.at & READABLE != 0,
        }
    }
}

impl Items {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Names and places, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Location)> + '_ {
        self.slots.iter().enumerate().map(|(index, slot)| (self.name(index), slot.location()))
    }

    /// The names, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.iter().map(|(name, _)| name)
    }

    /// Where the item of this name is.
    pub fn get(&self, name: &str) -> Option<Location> {
        let (mut low, mut high) = (0, self.slots.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.name(middle).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.slots[middle].location()),
            }
        }
        None
    }

    /// Bytes of memory that they take.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.names.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    fn name(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.slots[before].name_end as usize);
        &self.names[start..self.slots[index].name_end as usize]
    }
}

impl<'a> FromIterator<(&'a str, Location)> for Items {
    /// In any order; of several with one name the last stays. All names together have less than 4 GiB.
    fn from_iter<I: IntoIterator<Item = (&'a str, Location)>>(items: I) -> Self {
        let mut gathered = Gathered::default();
        items.into_iter().for_each(|(name, location)| gathered.push(name, location, Copy::Plain));
        gathered.sorted().0
    }
}

/// Which file of an item it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    /// The one that counts.
    Plain,
    /// One that counts if there is no plain one.
    StandIn,
}

/// Items as they come.
#[derive(Debug, Default)]
pub(super) struct Gathered(Items);

impl Gathered {
    /// What one item takes, beside its name.
    pub(super) const ITEM_BYTES: u64 = size_of::<Slot>() as u64;

    pub(super) fn push(&mut self, name: &str, location: Location, copy: Copy) {
        let marks =
            [(location.selected, SELECTED), (location.readable, READABLE), (copy == Copy::StandIn, STAND_IN)];
        let marks = marks.iter().filter(|(set, _)| *set).fold(0, |all, (_, mark)| all | mark);
        let Items { names, slots } = &mut self.0;
        names.push_str(name);
        let name_end = u32::try_from(names.len()).unwrap_or(u32::MAX);
        slots.push(Slot { name_end, len: location.len, at: (location.offset & OFFSET) | marks });
    }

    /// Whether the item that came last has this name.
    pub(super) fn ends_with(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.name(self.0.len() - 1) == name
    }

    /// The items, each once, and how many came in vain: of several plain copies of one item the last counts, as it would on a disk.
    pub(super) fn sorted(self) -> (Items, u64) {
        let mut items = self.0;
        let in_order = (1..items.len()).all(|index| items.name(index - 1) < items.name(index));
        let mut twice = 0;
        if !in_order {
            let rank = |index: u32| (items.slots[index as usize].at & STAND_IN == 0, index);
            let mut order: Vec<u32> = (0..items.len() as u32).collect();
            order.sort_unstable_by(|a, b| {
                let by_name = items.name(*a as usize).cmp(items.name(*b as usize));
                by_name.then_with(|| rank(*a).cmp(&rank(*b)))
            });
            let mut sorted = Items::default();
            for (position, index) in order.iter().enumerate() {
                let (index, next) = (*index as usize, order.get(position + 1));
                let name = items.name(index);
                if next.is_some_and(|next| items.name(*next as usize) == name) {
                    twice += u64::from(items.slots[index].at & STAND_IN == 0);
                    continue;
                }
                sorted.names.push_str(name);
                sorted.slots.push(Slot { name_end: sorted.names.len() as u32, ..items.slots[index] });
            }
            items = sorted;
        }
        items.names.shrink_to_fit();
        items.slots.shrink_to_fit();
        (items, twice)
    }
}
