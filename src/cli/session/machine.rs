//! The machine that is looked at: this one, or what one said once.

use std::io;
use std::path::Path;

use crate::cli::args::options::Options;
use crate::cli::exit::Usage;
use crate::host::Host;
use crate::model::foreign::shown;

/// The host that the options ask for.
///
/// # Errors
/// When a directory cannot be recorded to, or is no recording.
pub(crate) fn open(options: &Options) -> Result<Host, Usage> {
    match (&options.record_host, &options.from_host) {
        (Some(directory), _) => {
            Host::recording(directory).map_err(|error| failed(directory, &error))
        }
        (None, Some(directory)) => {
            let what = shown(directory.as_os_str().as_encoded_bytes());
            let refused = |error| {
                Usage::new(format!("there is no recorded host in '{what}': {error}"))
                    .hint("--record-host DIR makes one")
            };
            Host::recorded(directory).map_err(refused)
        }
        (None, None) => Ok(Host::live()),
    }
}

/// Says when not everything was recorded.
///
/// # Errors
/// What went wrong first.
pub(crate) fn finish(options: &Options, host: &Host) -> Result<(), Usage> {
    let Some(directory) = &options.record_host else {
        return Ok(());
    };
    host.finish().map_err(|error| failed(directory, &error))
}

fn failed(directory: &Path, error: &io::Error) -> Usage {
    let directory = shown(directory.as_os_str().as_encoded_bytes());
    Usage::new(format!("cannot record the host in '{directory}': {error}"))
        .hint("give an empty directory, or one that does not exist yet")
}
