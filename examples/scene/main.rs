//! The scene maker: real sockets in every state, made on purpose, for tests, demonstrations and load.
//!
//! `scene KIND` makes its sockets in the network namespace it was started in (which should be a private one
//! with `lo` up), prints what it made as one line of JSON, and holds until stdin ends. The line is the ground
//! truth: it comes from what the scene did and from the sockets themselves (getsockname, getpeername, fstat,
//! TCP_INFO), never from the tables that the tool under test reads. Only for connections without a file is
//! /proc/net/tcp looked at, to know that they are there.
//!
//! A socket that no process owns has `owners: []` and `fd: null`, and its `pid` is the maker's.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    clippy::unnecessary_wraps,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a maker of odd sockets calls the kernel directly, and fails loudly on purpose"
)]

mod child;
mod cli;
mod kinds;
mod net;
mod scene;
mod sys;
mod sysctl;
mod table;
mod tcp;
mod wait;

use clap::{Parser, ValueEnum};
use cli::Options;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc;

/// What making a scene may take at most; the alarm adds it to the hold time.
const SETUP_SECONDS: u32 = 120;

fn main() -> ExitCode {
    let options = Options::parse();
    let name = options
        .kind
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned());
    match play(&options, &name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scene {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Make, check, tell, hold; dropping the scene kills the helpers and closes the sockets.
fn play(options: &Options, name: &str) -> io::Result<()> {
    sys::alarm(options.hold.saturating_add(SETUP_SECONDS));
    let mut scene = scene::Scene::default();
    kinds::make(options, &mut scene)?;
    scene.settle()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", scene.story(Some(name)))?;
    stdout.flush()?;
    hold(options);
    Ok(())
}

/// Returns when the hold time is over, or before that when stdin ends or brings a line.
fn hold(options: &Options) {
    let (tell, told) = mpsc::channel();
    if !options.ignore_stdin {
        let tell = tell.clone();
        std::thread::spawn(move || {
            // End of file, a line and an error all mean the same: the one who started us is done.
            let _ = io::stdin().lock().read_line(&mut String::new());
            let _ = tell.send(());
        });
    }
    let _ = told.recv_timeout(options.hold());
    drop(tell);
}
