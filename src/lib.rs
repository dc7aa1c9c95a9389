//! sockscope: what the network sockets of a Linux machine are doing.
//!
//! Data flows one way, and every view is made from the same stream of rows:
//!
//! ```text
//! query -> collect -> join -> enrich -> filter -> analyze -> json, text, view, watch
//!            |  \_ host (I/O), wire (bytes -> model)
//!            \____ three collectors behind one trait, and the owners
//! ```
//!
//! Who may know whom: [`model`] knows nobody; [`wire`] and [`columns`] know [`model`];
//! [`host`] is the machine, and with [`terminal`] and [`files`] the only I/O and the only
//! `unsafe`; [`collect`] knows [`wire`], [`host`] and [`query`]; [`filter`] tells [`query`] what
//! can be pushed down; [`look`] composes the steps up to the rows, and compares one look with
//! another; [`analyze`] knows [`model`] and [`look`]; [`explain`] is the textbook; [`json`] is
//! the contract with programs and [`text`] what cells and tables are made of; [`view`] has both
//! of each view; [`watch`] is the live view, a pure reducer and a pure drawing; only [`cli`]
//! knows everything.

pub(crate) mod analyze;
pub mod cli;
pub mod collect;
pub mod columns;
pub(crate) mod explain;
pub mod files;
pub mod filter;
pub mod host;
pub mod json;
pub mod look;
pub mod model;
pub mod query;
pub(crate) mod terminal;
pub mod text;
pub mod view;
pub(crate) mod watch;
pub mod wire;
