//! What ends between two looks: attempts to connect that no table ever shows.

use std::time::Duration;

use crate::host::live::monotonic;
use crate::host::live::sock_diag::Notices;
use crate::model::FailedConnects;
use crate::wire::inet_diag::endings;

/// Counts attempts to connect that fail, from its making on.
#[derive(Debug)]
pub struct Endings {
    /// `None` where the kernel tells nobody what ends.
    notices: Option<Notices>,
    failed: FailedConnects,
}

impl Endings {
    /// Begins to count.
    #[must_use]
    pub fn watch() -> Self {
        Self {
            notices: Notices::open().ok(),
            failed: FailedConnects::default(),
        }
    }

    /// Lets so much time pass.
    pub fn sleep(&mut self, time: Duration) {
        let end = monotonic() + time;
        loop {
            self.take();
            let left = end.saturating_sub(monotonic());
            match &self.notices {
                _ if left.is_zero() => return,
                Some(notices) => notices.wait(left),
                None => std::thread::sleep(left),
            }
        }
    }

    fn take(&mut self) {
        let Some(notices) = &self.notices else {
            return;
        };
        let failed = &mut self.failed;
        let taken = notices.take(&mut |datagram| {
            for ending in endings(datagram) {
                failed.add(ending);
            }
        });
        // Where some were lost the others are still true: each count is one of at least so many.
        if taken.is_err_and(|error| error.raw_os_error() != Some(libc::ENOBUFS)) {
            self.notices = None;
        }
    }

    /// What comes from now on comes in the second half of the time.
    pub fn half_is_over(&mut self) {
        self.take();
        self.failed.half_is_over();
    }

    /// What was counted.
    #[must_use]
    pub fn failed(mut self) -> FailedConnects {
        self.take();
        self.failed
    }
}
