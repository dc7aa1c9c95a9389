//! Who holds which socket.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

/// How a process holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Via {
    /// Through this file descriptor.
    Fd(u32),
    /// As a registered file of an `io_uring`, without a descriptor.
    IoUring,
}

/// One process that holds one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The socket.
    pub inode: NonZeroU32,
    /// The process (thread group), in the reader's pid namespace.
    pub pid: u32,
    /// How.
    pub via: Via,
}

/// No process has this pid: it stands for a holder that turned out to be none.
const NOBODY: u32 = 0;

/// Where the holders of a socket stand in the [`HolderIndex`]; empty when it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    first: u32,
    count: u32,
}

impl Held {
    /// How many holders there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.count == 0
    }
}

/// Every holder of every socket, found by inode.
///
/// One sorted array and one table of places in it, by a hash of the inode: no allocation for a
/// socket, and all holders of one socket stand together, by pid and fd.
#[derive(Clone, Debug, Default)]
pub struct HolderIndex {
    holders: Vec<Holder>,
    /// The first place of a socket, plus one; 0 where there is none. Never full: its length, a
    /// power of two, is more than that of the holders by half at least.
    places: Vec<u32>,
}

impl HolderIndex {
    /// Builds the index; the same holder given twice counts once.
    #[must_use]
    pub fn new(mut holders: Vec<Holder>) -> Self {
        // In place: half a million holders are eight megabytes.
        holders.sort_unstable();
        holders.dedup();
        let length = holders.len().saturating_mul(3) / 2 + 1;
        let mut index = Self {
            places: vec![0; length.next_power_of_two()],
            holders,
        };
        let mut last = None;
        for place in 0..index.holders.len() {
            let inode = index.holders.get(place).map(|holder| holder.inode);
            if inode != last
                && let Some(inode) = inode
                && let Ok(number) = u32::try_from(place + 1)
            {
                let free = index.slot(inode);
                if let Some(slot) = index.places.get_mut(free) {
                    *slot = number;
                }
            }
            last = inode;
        }
        index
    }

    /// Where in the table the inode stands, or would stand.
    fn slot(&self, inode: NonZeroU32) -> usize {
        let mask = self.places.len().wrapping_sub(1);
        // Consecutive inodes spread over the whole table.
        let hash = inode.get().wrapping_mul(0x9E37_79B1).rotate_right(15);
        let mut at = usize::try_from(hash).unwrap_or_default() & mask;
        while let Some(&number) = self.places.get(at)
            && number != 0
            && self.first(number).is_some_and(|first| first.inode != inode)
        {
            at = (at + 1) & mask;
        }
        at
    }

    /// The holder that a number in the table stands for.
    fn first(&self, number: u32) -> Option<&Holder> {
        self.holders.get((number as usize).checked_sub(1)?)
    }

    /// The first place of a socket.
    fn place(&self, inode: NonZeroU32) -> Option<u32> {
        self.places.get(self.slot(inode))?.checked_sub(1)
    }

    /// Where the holders of a socket stand; empty when there is none.
    #[must_use]
    pub fn find(&self, inode: Option<NonZeroU32>) -> Held {
        let Some((inode, first)) = inode.and_then(|inode| Some((inode, self.place(inode)?))) else {
            return Held::default();
        };
        let rest = self.holders.get(first as usize..).unwrap_or_default();
        let count = rest.iter().take_while(|h| h.inode == inode).count();
        Held {
            first,
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    /// All holders that stand there, lowest pid and fd first.
    #[must_use]
    pub fn at(&self, held: Held) -> &[Holder] {
        let first = held.first as usize;
        let range = first..first.saturating_add(held.count as usize);
        self.holders.get(range).unwrap_or_default()
    }

    /// Takes one of the holders that stand there out: it holds nothing. Every place stays.
    pub fn refute(&mut self, held: Held, place: usize) {
        let at = (held.first as usize).saturating_add(place);
        if let Some(holder) = self.holders.get_mut(at) {
            holder.pid = NOBODY;
        }
    }

    /// How many sockets each process holds, each once: of any kind, in any namespace.
    #[must_use]
    pub fn per_process(&self) -> FxHashMap<u32, u64> {
        let mut counts: FxHashMap<u32, u64> = FxHashMap::default();
        let mut last = None;
        for holder in &self.holders {
            // Holders of one socket stand together, and those of one process among them.
            if holder.pid != NOBODY && last != Some((holder.inode, holder.pid)) {
                *counts.entry(holder.pid).or_default() += 1;
            }
            last = Some((holder.inode, holder.pid));
        }
        counts
    }

    /// Whether any process holds the socket.
    #[must_use]
    pub fn contains(&self, inode: NonZeroU32) -> bool {
        self.place(inode).is_some()
    }

    /// The index without the holders that `keep` refuses.
    #[must_use]
    pub fn retained(mut self, keep: impl FnMut(&Holder) -> bool) -> Self {
        self.holders.retain(keep);
        Self::new(self.holders)
    }

    /// The index with `more` holders in it.
    #[must_use]
    pub fn extended(mut self, more: Vec<Holder>) -> Self {
        self.holders.extend(more);
        Self::new(self.holders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(inode: u32, pid: u32, fd: u32) -> Holder {
        Holder {
            inode: NonZeroU32::new(inode).unwrap(),
            pid,
            via: Via::Fd(fd),
        }
    }

    #[test]
    fn all_holders_of_a_shared_socket_stand_together() {
        let index = HolderIndex::new(vec![
            holder(7, 20, 3),
            holder(5, 10, 3),
            holder(7, 10, 4),
            holder(7, 10, 4),
        ]);
        assert_eq!(
            index.at(index.find(NonZeroU32::new(7))),
            [holder(7, 10, 4), holder(7, 20, 3)]
        );
        assert_eq!(index.at(index.find(NonZeroU32::new(6))), []);
        assert_eq!(index.at(index.find(None)), []);
        let index = index.extended(vec![holder(6, 1, 1)]);
        assert_eq!(index.at(index.find(NonZeroU32::new(6))), [holder(6, 1, 1)]);
        assert!(index.contains(NonZeroU32::new(5).unwrap()));
    }

    #[test]
    fn who_holds_nothing_is_taken_out_in_place() {
        let mut index = HolderIndex::new(vec![holder(7, 10, 4), holder(7, 20, 3)]);
        let held = index.find(NonZeroU32::new(7));
        index.refute(held, 0);
        index.refute(held, 9);
        assert_eq!(index.find(NonZeroU32::new(7)), held);
        assert_eq!(index.at(held)[1], holder(7, 20, 3));
        assert!(index.at(held)[0].pid == NOBODY);
        assert_eq!(
            index.per_process().into_iter().collect::<Vec<_>>(),
            [(20, 1)]
        );
    }

    proptest::proptest! {
        /// The index finds what a look through the whole list finds.
        #[test]
        fn every_holder_is_found_and_no_other(
            // Few different inodes, and some that fall on one place.
            given in proptest::collection::vec((1_u32..40, 1_u32..5, 0_u32..4), 0..200),
            far in proptest::collection::vec((1_u32.., 1_u32..5, 0_u32..4), 0..50),
            asked in 1_u32..,
        ) {
            let holders: Vec<_> = given.iter().chain(&far).map(|&(i, p, f)| holder(i, p, f)).collect();
            let index = HolderIndex::new(holders.clone());
            let inodes = (1..45).chain(far.iter().map(|h| h.0)).chain([asked]);
            for inode in inodes.filter_map(NonZeroU32::new) {
                let mut wanted: Vec<_> = holders.iter().filter(|h| h.inode == inode).copied().collect();
                wanted.sort();
                wanted.dedup();
                proptest::prop_assert_eq!(index.at(index.find(Some(inode))), wanted.as_slice());
                proptest::prop_assert_eq!(index.contains(inode), !wanted.is_empty());
            }
        }
    }
}
