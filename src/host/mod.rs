//! The machine as a value: what is asked of it goes through a [`Host`], which is handed in.
//!
//! A question is one file of /proc, one fd table, one conversation with the kernel: never a row.
//! [`Host::live`] asks the machine, with the system calls in [`live`]; [`Host::recording`] keeps
//! the answers in a directory, and [`Host::recorded`] has them from there.

mod answer;
pub mod live;
mod machine;
mod place;
mod proc;
mod recorded;
mod recording;
mod sock_diag;
mod task_files;

use std::fmt::Arguments;
use std::io;
use std::path::Path;
use std::sync::Arc;

use answer::{Answer, Failure, Kept};
use place::Place;
use recorded::Recorded;
use recording::Recording;

pub use live::bpf::Refusal;
pub use live::proc::{FdRange, sleeps_of_thread};
pub use live::sight::{Sight, is_foreign};
pub use live::sock_diag::{Received, Transport};
pub use machine::Freezers;
pub use place::Interfaces;
pub use proc::{Pinned, Proc};
pub use sock_diag::{Notices, SockDiag};
pub use task_files::TaskFiles;

/// The machine, seen from one of its network namespaces.
#[derive(Clone, Debug)]
pub struct Host {
    source: Source,
    place: Place,
}

/// Who answers.
#[derive(Clone, Debug)]
enum Source {
    /// The machine.
    Live,
    /// The machine, and what it says is kept.
    Recording(Arc<Recording>),
    /// What was kept.
    Recorded(Arc<Recorded>),
}

impl Host {
    /// The machine that this process runs on, and the network namespace it is in.
    #[must_use]
    pub fn live() -> Self {
        Self::of(Source::Live)
    }

    /// The same, and all it says is kept in a directory, which must be empty or not there.
    ///
    /// # Errors
    /// When the directory is not empty or cannot be made.
    pub fn recording(directory: &Path) -> io::Result<Self> {
        let recording = Recording::begin(directory)?;
        Ok(Self::of(Source::Recording(Arc::new(recording))))
    }

    /// What a machine said once, from the directory where that was kept.
    ///
    /// # Errors
    /// When it is no such directory.
    pub fn recorded(directory: &Path) -> io::Result<Self> {
        let recorded = Recorded::open(directory)?;
        Ok(Self::of(Source::Recorded(Arc::new(recorded))))
    }

    fn of(source: Source) -> Self {
        let place = Place::own();
        Self { source, place }
    }

    /// Whether everything was kept that was to be.
    ///
    /// # Errors
    /// What was wrong when the first file could not be written.
    pub fn finish(&self) -> io::Result<()> {
        match &self.source {
            Source::Recording(recording) => recording.finish(),
            _ => Ok(()),
        }
    }

    /// Whether the machine itself answers, and nothing is kept of it.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.source, Source::Live)
    }

    /// Whether what is told was so once, on a machine that need not be this one.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Recorded(_))
    }

    /// Asks `live`, unless the answer was recorded; the key names the question.
    fn ask<A: Answer>(&self, key: Arguments<'_>, live: impl FnOnce() -> A) -> A {
        match &self.source {
            Source::Live => live(),
            Source::Recording(recording) => recording.ask(key.to_string(), live),
            Source::Recorded(recorded) => A::read(recorded.answer(&key.to_string())),
        }
    }

    /// Opens what only a machine has; `None` where that was done once.
    fn open<T>(
        &self,
        key: Arguments<'_>,
        live: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let mut opened = None;
        let open = || -> io::Result<()> {
            opened = Some(live()?);
            Ok(())
        };
        self.ask(key, open)?;
        Ok(opened)
    }

    /// The error of what nobody says.
    fn silent() -> io::Error {
        Failure::UNASKED.into()
    }

    /// What is answered where nobody can be asked.
    fn unasked<A: Answer>() -> A {
        A::read(Kept::Failed(Failure::UNASKED))
    }
}
