//! A file that is written whole or not at all.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

/// Names that are tried for what cannot be written without one.
const NAMES: u32 = 64;

/// The access control list of a file, acl(5).
const ACCESS_LIST: &str = "system.posix_acl_access";
/// No such list is longer on the file systems that are in use.
const LONGEST_LIST: usize = 64 * 1024;

/// A file in the making: it gets its name, and takes the place of an older one, when it is kept.
///
/// It is its owner's alone, or as much another's as the one that it replaces was. Until then it has no name at all (`O_TMPFILE`, open(2)), so that nothing is left behind when
/// the process is killed; where the file system cannot do that, it has a name of its own beside
/// the other, which goes with this value.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    file: BufWriter<File>,
    /// The name it has for now.
    name: Option<PathBuf>,
    /// Writing failed, which is told when it is to be kept: the answer goes on elsewhere.
    failed: Option<io::Error>,
    is_whole: bool,
}

impl Draft {
    /// Begins a file that is to stand at `path`.
    ///
    /// # Errors
    /// When no file can be made there, or something stands there that is no ordinary file (a
    /// device, a link): replacing that would do harm.
    pub fn begin(path: &Path) -> io::Result<Self> {
        if path.file_name().is_none() {
            return Err(io::Error::other("it is not a file name"));
        }
        let before = match path.symlink_metadata() {
            Ok(is) if is.is_dir() => return Err(io::Error::other("it is a directory")),
            Ok(is) if is.is_symlink() => return Err(io::Error::other("it is a symbolic link")),
            Ok(is) if !is.is_file() => return Err(io::Error::other("it is not a regular file")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            is => is.ok(),
        };
        let (file, name) = match nameless(directory(path)) {
            Some(file) => (file, None),
            None => named(path).map(|(file, name)| (file, Some(name)))?,
        };
        let draft = Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            name,
            failed: None,
            is_whole: false,
        };
        if let Some(before) = before {
            draft.be_like(&before)?;
        }
        Ok(draft)
    }

    /// Takes over whose the file is that will be replaced, and who may read it.
    fn be_like(&self, before: &Metadata) -> io::Result<()> {
        let file = self.file.get_ref();
        let is = file.metadata()?;
        if (is.uid(), is.gid()) != (before.uid(), before.gid()) {
            fchown(file, Some(before.uid()), Some(before.gid())).map_err(|error| {
                let (uid, gid) = (before.uid(), before.gid());
                io::Error::other(format!(
                    "its owner (user {uid}, group {gid}) cannot be kept: {error}"
                ))
            })?;
        }
        file.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
        let mut list = vec![0; LONGEST_LIST];
        match rustix::fs::lgetxattr(&self.path, ACCESS_LIST, list.as_mut_slice()) {
            Ok(length) => {
                let list = list.get(..length).unwrap_or_default();
                rustix::fs::fsetxattr(file, ACCESS_LIST, list, XattrFlags::empty())?;
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {
                // One that the directory gives to all that is new in it.
                let _ = rustix::fs::fremovexattr(file, ACCESS_LIST);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whether everything was written: then nothing was written after the last flush.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Gives the file its name. What stood there before is replaced at once.
    ///
    /// # Errors
    /// What writing said, or naming says.
    pub fn keep(mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.file.flush()?;
        self.file.get_ref().sync_data()?;
        if self.name.is_none() {
            let descriptor = format!("/proc/self/fd/{}", self.file.get_ref().as_raw_fd());
            let link = |name: &Path| {
                let flags = AtFlags::SYMLINK_FOLLOW;
                Ok(rustix::fs::linkat(CWD, &descriptor, CWD, name, flags)?)
            };
            self.name = Some(with_new_name(&self.path, link)?.1);
        }
        if let Some(name) = &self.name {
            std::fs::rename(name, &self.path)?;
        }
        self.name = None;
        Ok(())
    }

    fn note(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.failed.get_or_insert(error);
        }
    }
}

impl Write for Draft {
    /// Never fails: what went wrong is told by [`Draft::keep`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_whole = false;
        if self.failed.is_none() {
            let outcome = self.file.write_all(bytes);
            self.note(outcome);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.file.flush();
        self.note(outcome);
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = std::fs::remove_file(name);
        }
    }
}

/// The directory in which `path` stands.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A file without a name; `None` where the file system has none, or no name could be given later.
fn nameless(directory: &Path) -> Option<File> {
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(directory, flags, Mode::from_raw_mode(0o600));
    file.ok().map(File::from)
}

/// A file beside `path`, under a name that nothing had before.
fn named(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    with_new_name(path, |name| options.open(name))
}

/// Does something with a new name beside `path`, which nobody can know before.
fn with_new_name<T>(
    path: &Path,
    mut make: impl FnMut(&Path) -> io::Result<T>,
) -> io::Result<(T, PathBuf)> {
    for _ in 0..NAMES {
        // The keys of the hash are random.
        let random = RandomState::new().build_hasher().finish();
        let name = directory(path).join(format!(".sockscope-{random:016x}"));
        match make(&name) {
            Ok(made) => return Ok((made, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of this test's own, which goes with it.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let place =
                std::env::temp_dir().join(format!("sockscope-{name}-{}", std::process::id()));
            std::fs::create_dir(&place).unwrap();
            Self(place)
        }

        fn names(&self) -> Vec<String> {
            let all = std::fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> = all
                .map(|one| one.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_stands_there_whole_or_not_at_all() {
        let place = Place::new("whole");
        let path = place.0.join("a");
        for text in ["one", "the second"] {
            let mut draft = Draft::begin(&path).unwrap();
            draft.write_all(text.as_bytes()).unwrap();
            assert_ne!(std::fs::read_to_string(&path).unwrap_or_default(), text);
            draft.keep().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let mut draft = Draft::begin(&path).unwrap();
        draft.write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the second");
        assert_eq!(place.names(), ["a"]);
    }

    #[test]
    fn it_is_as_private_as_what_it_replaces_or_quite_private() {
        let place = Place::new("private");
        let path = place.0.join("a");
        for mode in [0o600, 0o640, 0o604, 0o400, 0o666] {
            let mut draft = Draft::begin(&path).unwrap();
            draft.write_all(b"x").unwrap();
            draft.keep().unwrap();
            let is = path.metadata().unwrap().mode() & 0o777;
            assert!(is == 0o600 || mode != 0o600, "new: {is:o}");
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let inode = path.metadata().unwrap().ino();
            Draft::begin(&path).unwrap().keep().unwrap();
            let is = path.metadata().unwrap();
            assert_ne!(is.ino(), inode);
            assert_eq!(is.mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_named_draft_goes_too() {
        let place = Place::new("named");
        let path = place.0.join("a");
        let (file, name) = named(&path).unwrap();
        let (_, other) = named(&path).unwrap();
        assert_ne!(name, other);
        std::fs::remove_file(other).unwrap();
        drop(Draft {
            path,
            file: BufWriter::new(file),
            name: Some(name),
            failed: None,
            is_whole: false,
        });
        assert_eq!(place.names(), [] as [String; 0]);
    }

    #[test]
    fn what_is_no_ordinary_file_is_left_alone() {
        let place = Place::new("left");
        let (file, link) = (place.0.join("file"), place.0.join("link"));
        std::fs::write(&file, "kept").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let below = file.join("below");
        for path in [
            &place.0,
            &link,
            Path::new("/dev/null"),
            Path::new("/"),
            &below,
        ] {
            assert!(Draft::begin(path).is_err(), "{}", path.display());
        }
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "kept");
    }
}
