//! What each part of the screen says, as lines.

pub(super) mod body;
pub(super) mod counts;
mod findings;
pub(super) mod header;
pub(super) mod overlay;
pub(super) mod piles;
mod seen;
pub(super) mod style;
mod table;
