//! The `sockscope` program: parse, run, exit code.
#![cfg_attr(not(test), no_main)]

use std::ffi::{c_char, c_int};

use sockscope::cli;
use sockscope::files::start;

/// Where the C library begins: see [`start`] for what the language would do before.
///
/// # Safety
/// It is called once, by the C library.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[allow(unsafe_code, reason = "the name is the contract with the C library")]
#[allow(dead_code, reason = "tests have a beginning of their own")]
unsafe extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    start::begin();
    // SAFETY: these are the words that this was called with.
    let arguments = unsafe { start::arguments(count, words) };
    cli::run(arguments) as c_int
}
