//! Paths of cgroups by their ids.

use std::fs;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::Foreign;
use crate::wire::mountinfo;

/// Directories that are looked at before the search is given up: a host with some thousand
/// services and containers has fewer.
const MOST: usize = 20_000;

/// The paths of those cgroups of version 2 that can be found: the id of a cgroup is the inode of
/// its directory. Paths begin at the root of the mount, as in /proc/PID/cgroup.
#[must_use]
pub fn paths(ids: impl IntoIterator<Item = NonZeroU64>) -> FxHashMap<NonZeroU64, Foreign> {
    let wanted: FxHashSet<NonZeroU64> = ids.into_iter().collect();
    if wanted.is_empty() {
        return FxHashMap::default();
    }
    let mounts = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
    match mountinfo::mounted(&mounts, b"cgroup2") {
        Some(root) => below(Path::new(std::ffi::OsStr::from_bytes(&root)), &wanted),
        None => FxHashMap::default(),
    }
}

/// The id of the cgroup whose directory `path` is; `None` where it is no directory of cgroup2.
///
/// # Errors
/// When it lies below the mount of cgroup2 and is not there.
pub fn id_of(path: &str) -> Result<Option<NonZeroU64>, String> {
    const CGROUP2_SUPER_MAGIC: rustix::fs::FsWord = 0x6367_7270;
    if let Ok(filesystem) = rustix::fs::statfs(path) {
        let is_cgroup = filesystem.f_type == CGROUP2_SUPER_MAGIC;
        let found = fs::metadata(path)
            .ok()
            .filter(|found| is_cgroup && found.is_dir());
        return Ok(
            found.and_then(|found| NonZeroU64::new(std::os::unix::fs::MetadataExt::ino(&found)))
        );
    }
    let mounts = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
    match mountinfo::mounted(&mounts, b"cgroup2") {
        Some(root) if Path::new(path).starts_with(std::ffi::OsStr::from_bytes(&root)) => {
            Err(format!("there is no cgroup '{path}'"))
        }
        _ => Ok(None),
    }
}

/// Where the file systems of cgroups are that can freeze processes.
#[derive(Debug, Default)]
pub struct Freezers {
    /// The mount of version 2.
    unified: Option<PathBuf>,
    /// The mount of the controller `freezer` of version 1.
    freezer: Option<PathBuf>,
}

impl Freezers {
    /// Finds the mounts.
    #[must_use]
    pub fn find() -> Self {
        let mounts = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
        let path = |bytes: Vec<u8>| PathBuf::from(std::ffi::OsStr::from_bytes(&bytes));
        Self {
            unified: mountinfo::mounted(&mounts, b"cgroup2").map(path),
            freezer: mountinfo::mounted_with(&mounts, b"cgroup", b"freezer").map(path),
        }
    }

    /// The file that thaws a process with this /proc/PID/cgroup; `None` where it is not frozen,
    /// or that cannot be seen.
    #[must_use]
    pub fn frozen_by(&self, cgroups: &[u8]) -> Option<PathBuf> {
        cgroups.split(|&byte| byte == b'\n').find_map(|line| {
            let mut parts = line.splitn(3, |&byte| byte == b':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let path = Path::new(std::ffi::OsStr::from_bytes(path.strip_prefix(b"/")?));
            if controllers.is_empty() {
                let root = self.unified.as_deref()?;
                let says_so = ("cgroup.events", "frozen 1");
                return frozen(root, path, says_so, ("cgroup.freeze", "1"));
            }
            let mut controllers = controllers.split(|&byte| byte == b',');
            let root = self.freezer.as_deref();
            let root = root.filter(|_| controllers.any(|name| name == b"freezer"))?;
            let says_so = ("freezer.state", "FROZEN");
            let by = frozen(root, path, says_so, ("freezer.self_freezing", "1"))?;
            Some(by.with_file_name("freezer.state"))
        })
    }
}

/// A file of a cgroup, and a line in it.
type Sign = (&'static str, &'static str);

/// The file of the cgroup at `path`, or of one above it, that froze it: `says_so` tells that it
/// is frozen, `did_so` by which of them.
fn frozen(root: &Path, path: &Path, says_so: Sign, did_so: Sign) -> Option<PathBuf> {
    let has = |directory: &Path, (file, line): Sign| {
        let text = fs::read_to_string(directory.join(file)).unwrap_or_default();
        text.lines().any(|known| known == line)
    };
    let own = root.join(path);
    if path.as_os_str().is_empty() || !has(&own, says_so) {
        return None;
    }
    let mut above = own.ancestors().take_while(|directory| *directory != root);
    let by = above.find(|directory| has(directory, did_so));
    Some(by.unwrap_or(&own).join(did_so.0))
}

/// Walks the directories below `root`, the nearest first, until all are found.
fn below(root: &Path, wanted: &FxHashSet<NonZeroU64>) -> FxHashMap<NonZeroU64, Foreign> {
    let mut found = FxHashMap::default();
    let mut note = |inode: u64, path: &Path| {
        if let Some(id) = NonZeroU64::new(inode).filter(|id| wanted.contains(id)) {
            let path = path.strip_prefix(root).unwrap_or(path);
            let path = [b"/", path.as_os_str().as_bytes()].concat();
            found.insert(id, path.into());
        }
        found.len() == wanted.len()
    };
    let root_inode = fs::metadata(root).map(|root| std::os::unix::fs::MetadataExt::ino(&root));
    if root_inode.is_ok_and(|inode| note(inode, root)) {
        return found;
    }
    let mut waiting = std::collections::VecDeque::from([root.to_path_buf()]);
    let mut seen = 0;
    while let Some(directory) = waiting.pop_front() {
        for (inode, path) in directories(&directory) {
            seen += 1;
            if note(inode, &path) || seen > MOST {
                return found;
            }
            waiting.push_back(path);
        }
    }
    found
}

/// The directories in a directory, with their inodes; none where it is gone.
fn directories(directory: &Path) -> impl Iterator<Item = (u64, PathBuf)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let entries = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    entries.map(|entry| (entry.ino(), entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_directory_is_found_by_its_inode() {
        let root = std::env::temp_dir().join(format!("sockscope-cgroup-{}", std::process::id()));
        let deep = root.join("system.slice/nginx.service");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.join("cgroup.procs"), "1").unwrap();
        let id = |path: &Path| NonZeroU64::new(fs::metadata(path).unwrap().ino()).unwrap();
        let missing = NonZeroU64::new(u64::MAX).unwrap();
        let wanted = FxHashSet::from_iter([id(&deep), id(&root), missing]);
        let found = below(&root, &wanted);
        let expected = [
            (id(&root), "/".into()),
            (id(&deep), "/system.slice/nginx.service".into()),
        ];
        assert_eq!(found, FxHashMap::from_iter(expected));
        fs::remove_dir_all(&root).unwrap();
        assert!(below(&root, &wanted).is_empty());
    }
}
