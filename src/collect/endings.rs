//! What ends between two looks: attempts to connect that no table ever shows.

use std::time::Duration;

use crate::host::{Host, Notices};
use crate::model::FailedConnects;
use crate::wire::inet_diag::endings;

/// Counts attempts to connect that fail, from its making on.
#[derive(Debug)]
pub struct Endings {
    host: Host,
    /// `None` where the kernel tells nobody what ends.
    notices: Option<Notices>,
    failed: FailedConnects,
}

impl Endings {
    /// Begins to count.
    #[must_use]
    pub fn watch(host: &Host) -> Self {
        Self {
            host: host.clone(),
            notices: host.notices(),
            failed: FailedConnects::default(),
        }
    }

    /// Lets so much time pass.
    pub fn sleep(&mut self, time: Duration) {
        let Some(notices) = &self.notices else {
            self.host.sleep(time);
            return;
        };
        let failed = &mut self.failed;
        let heard = notices.listen(time, &mut |datagram| {
            for ending in endings(datagram) {
                failed.add(ending);
            }
        });
        if heard.is_err() {
            self.notices = None;
        }
    }

    fn take(&mut self) {
        if self.notices.is_some() {
            self.sleep(Duration::ZERO);
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
