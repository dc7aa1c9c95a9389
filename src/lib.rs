//! sockscope: what the network sockets of a Linux machine are doing.
//!
//! Data flows one way, and every view is made from the same stream of rows:
//!
//! ```text
//! query -> collect -> join -> enrich -> filter -> analyze -> render, watch
//!            |  \_ sys (I/O), wire (bytes -> model)
//!            \____ three collectors behind one trait, and the owners
//! ```
//!
//! Who may know whom: [`model`] knows nobody; [`wire`] and [`columns`] know [`model`];
//! [`sys`] is the only I/O and the only `unsafe`; [`collect`] knows [`wire`], [`sys`] and
//! [`query`]; [`filter`] tells [`query`] what can be pushed down; [`analyze`] knows [`model`];
//! [`explain`] is the textbook; [`render`] knows the views; [`watch`] is the live
//! view, a pure reducer and a pure drawing, which draws with [`render`]; [`pipeline`] composes the steps; only
//! [`cli`] knows everything.

pub mod analyze;
pub mod cli;
pub mod collect;
pub mod columns;
pub mod explain;
pub mod filter;
pub mod join;
pub mod model;
pub mod pipeline;
pub mod query;
pub mod render;
pub mod sys;
pub mod untold;
pub mod watch;
pub mod wire;
