//! Views made from a snapshot: pure, without I/O.

pub mod bind;
pub mod buildup;
pub mod close_wait;
pub mod crowds;
pub mod doctor;
pub mod ends;
pub mod ephemeral;
pub mod first_screen;
pub mod opener;
pub mod port;
pub mod states;
pub mod wait;

/// Two places after the point are all that a sample of a second can tell.
pub(crate) fn round(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

/// A count as a number that can be divided.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of sockets, bytes and packets are far below 2^52"
)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}
