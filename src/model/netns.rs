//! Network namespaces.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

/// A network namespace, by the inode of its file in nsfs: 32 bits (`ns_common.inum`).
///
/// Ports, interfaces and, before Linux 5.4, cookies mean something in one namespace only: what is
/// known by them is kept with the namespace, `None` where that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetnsId(NonZeroU32);

impl NetnsId {
    /// The namespace with this inode; `None` where no namespace can have it.
    #[must_use]
    pub fn new(inode: u64) -> Option<Self> {
        NonZeroU32::new(u32::try_from(inode).ok()?).map(Self)
    }

    /// The inode.
    #[must_use]
    pub fn inode(self) -> NonZeroU64 {
        self.0.into()
    }
}

impl fmt::Display for NetnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
