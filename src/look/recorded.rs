//! The looks of the recording of `doctor`, for tests.

use std::path::{Path, PathBuf};

use super::pipeline::{Request, sample};
use super::sample::Sample;
use crate::filter::Filter;
use crate::host::Host;
use crate::model::{State, StateSet};
use crate::query::{Needs, Query};

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hosts/doctor")
}

/// The looks, asked as `doctor` asked when it was recorded: at everything, at listeners in
/// between, and at everything again.
pub(crate) fn looks(directory: &Path) -> [Sample; 3] {
    let host = Host::recorded(directory).unwrap();
    let needs = Needs::MEMORY.and(Needs::INFO).and(Needs::FILES);
    let everything = Query {
        needs: needs.and(Needs::OWNERS),
        ..Query::everything()
    };
    let between = Query {
        states: StateSet::LISTENING.with(State::SynSent),
        needs: needs.without(Needs::INFO),
        ..everything
    };
    [everything, between, everything].map(|query| {
        let request = Request {
            query,
            filter: Filter::default(),
            resolve: false,
            listeners_too: false,
        };
        sample(&host, &request).unwrap()
    })
}
