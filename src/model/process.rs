//! What is known of a process that holds a socket.

use std::sync::Arc;

use super::Foreign;

/// The facts of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The pid in the reader's pid namespace.
    pub pid: u32,
    /// The name, up to 15 bytes that the process chose: not trusted, not always UTF-8.
    /// Source: /proc/PID/comm.
    pub comm: Vec<u8>,
    /// The command line, arguments joined by blanks; `None` where it is empty or unreadable.
    /// Source: /proc/PID/cmdline.
    pub command: Option<Arc<[u8]>>,
    /// Whether the command line is read only when a row of the process is shown.
    pub command_later: bool,
    /// The effective uid; `None` until it is asked for. Source: /proc/PID/status.
    pub uid: Option<u32>,
    /// The parent's pid. Source: /proc/PID/status.
    pub parent: Option<u32>,
    /// Seconds since the epoch at which the process started; read only where it is shown.
    /// Source: /proc/PID/stat field 22 and the boot time.
    pub started: Option<i64>,
    /// Whether it can run; `None` until it is asked for. Source: /proc/PID/stat field 3, and what
    /// its cgroup says.
    pub condition: Option<Condition>,
    /// Where it runs and from whom it comes; `None` until it is asked for.
    pub background: Option<Box<Background>>,
    /// The path of the file it runs; `None` until it is asked for, and where this user may not
    /// look. Source: /proc/PID/exe.
    pub program: Option<Foreign>,
    /// The cgroup path. Source: /proc/PID/cgroup.
    pub cgroup: Option<Foreign>,
    /// Its descriptors; `None` until they are asked for.
    pub files: Option<Files>,
}

/// Whether a process can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs, or waits for something that wakes it (R, S, I).
    Runs,
    /// It was stopped by a signal (T) and goes on with SIGCONT.
    Stopped,
    /// A debugger or tracer holds it (t); that one, where it can be seen.
    Traced(Option<Tracer>),
    /// Its first thread has ended (Z); others may live.
    Zombie,
    /// Its cgroup is frozen: writing 0 (version 2) or THAWED to this file thaws it.
    Frozen(Foreign),
    /// It waits in the kernel and no signal reaches it (D).
    Uninterruptible,
}

impl Condition {
    /// The condition of a state letter; `None` for one that tells nothing here.
    #[must_use]
    pub const fn from_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'R' | 'S' | 'I' => Self::Runs,
            'T' => Self::Stopped,
            't' => Self::Traced(None),
            'Z' | 'X' | 'x' => Self::Zombie,
            'D' => Self::Uninterruptible,
            _ => return None,
        })
    }

    /// Whether something holds it that can let it go on.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped | Self::Traced(_) | Self::Frozen(_))
    }

    /// The name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Stopped => "stopped",
            Self::Traced(_) => "traced",
            Self::Zombie => "zombie",
            Self::Frozen(_) => "frozen",
            Self::Uninterruptible => "uninterruptible",
        }
    }
}

/// A process that traces another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracer {
    /// Its pid. Source: /proc/PID/status, `TracerPid`.
    pub pid: u32,
    /// Its name.
    pub comm: Foreign,
}

/// Where a process runs and from whom it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    /// The directory it runs in; `None` where this user may not look. Source: /proc/PID/cwd.
    pub directory: Option<Foreign>,
    /// The name of its parent; `None` where it has none that can be seen.
    pub parent: Option<Foreign>,
}

/// The descriptors of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// How many are open. Source: size of /proc/PID/fd (Linux 6.2), or its entries.
    pub open: u64,
    /// `RLIMIT_NOFILE`, the soft limit; `None` when there is none. Source: /proc/PID/limits.
    pub limit: Option<u64>,
    /// The hard limit, up to which it may raise the soft one itself; `None` when there is none.
    pub hard_limit: Option<u64>,
}

/// The container of a process, as its cgroup path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine: `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `kubernetes`.
    pub engine: &'static str,
    /// The id or name; a 64-digit id is cut to its first 12 digits.
    pub id: Foreign,
}

impl Container {
    /// `engine:id`.
    #[must_use]
    pub fn label(&self) -> Foreign {
        let mut label = format!("{}:", self.engine).into_bytes();
        label.extend(self.id.bytes());
        label.into()
    }
}

impl Process {
    /// A process of which only the name is known.
    #[must_use]
    pub const fn named(pid: u32, comm: Vec<u8>) -> Self {
        Self {
            pid,
            comm,
            command: None,
            command_later: false,
            uid: None,
            parent: None,
            started: None,
            condition: None,
            background: None,
            program: None,
            cgroup: None,
            files: None,
        }
    }

    /// Whether it was given what it shares with `parent`, as far as is known: it runs the same
    /// program, or that one starts servers. A helper, too, inherits what is not closed.
    #[must_use]
    pub fn works_for(&self, parent: &Self) -> bool {
        let is_same = self.program.is_some() && self.program == parent.program;
        parent.starts_servers() || is_same || self.comm == parent.comm
    }

    /// Whether it is one of those that open sockets for the servers that they start.
    #[must_use]
    pub fn starts_servers(&self) -> bool {
        let activators = ["systemd", "inetd", "xinetd"].map(str::as_bytes);
        self.pid == 1 || activators.contains(&&*self.comm) || self.comm.starts_with(b"s6-")
    }

    /// The systemd unit, when the cgroup path names one: the innermost `.service`,
    /// `.socket` or `.scope`.
    #[must_use]
    pub fn unit(&self) -> Option<&[u8]> {
        unit_in(self.cgroup.as_ref()?.bytes())
    }

    /// The container, when the cgroup path has the mark of an engine.
    #[must_use]
    pub fn container(&self) -> Option<Container> {
        container_in(self.cgroup.as_ref()?.bytes())
    }

    /// Whether the process goes by `name`: its comm, or the first 15 bytes of a longer name
    /// that its command line confirms.
    #[must_use]
    pub fn is_called(&self, name: &[u8]) -> bool {
        if self.comm == name {
            return true;
        }
        let Some(program) = self.program() else {
            return false;
        };
        program == name && name.get(..15) == Some(self.comm.as_slice())
    }

    /// The last part of the path in `argv[0]`.
    fn program(&self) -> Option<&[u8]> {
        let first = self.command.as_deref()?.split(|&b| b == b' ').next()?;
        first.rsplit(|&b| b == b'/').next()
    }
}

/// The systemd unit that a cgroup path names: the innermost one.
pub(super) fn unit_in(path: &[u8]) -> Option<&[u8]> {
    path.rsplit(|&b| b == b'/').find(|part| {
        [".service", ".socket", ".scope"]
            .iter()
            .any(|kind| part.len() > kind.len() && part.ends_with(kind.as_bytes()))
    })
}

/// The container that a cgroup path names: the innermost one.
pub(super) fn container_in(path: &[u8]) -> Option<Container> {
    path.rsplit(|&b| b == b'/').find_map(container_of)
}

/// Reads one part of a cgroup path: `docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID`,
/// `crio-ID`, `lxc.payload.NAME`, or a bare 64-digit id below `docker` or `kubepods`.
fn container_of(part: &[u8]) -> Option<Container> {
    let name = part.strip_suffix(b".scope").unwrap_or(part);
    let marked = [
        ("docker-", "docker"),
        ("libpod-", "podman"),
        ("cri-containerd-", "containerd"),
        ("crio-", "cri-o"),
        ("lxc.payload.", "lxc"),
    ];
    for (mark, engine) in marked {
        if let Some(id) = name.strip_prefix(mark.as_bytes())
            && !id.is_empty()
        {
            let id = short(id);
            return Some(Container { engine, id });
        }
    }
    let is_id = name.len() == 64 && name.iter().all(u8::is_ascii_hexdigit);
    is_id.then(|| Container {
        engine: "container",
        id: short(name),
    })
}

fn short(id: &[u8]) -> Foreign {
    let is_hash = id.len() == 64 && id.iter().all(u8::is_ascii_hexdigit);
    match id.get(..12) {
        Some(head) if is_hash => head.into(),
        _ => id.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(comm: &str, command: Option<&str>, cgroup: &str) -> Process {
        Process {
            command_later: false,
            pid: 1,
            comm: comm.into(),
            command: command.map(|text| text.as_bytes().into()),
            uid: Some(0),
            parent: None,
            started: None,
            cgroup: Some(cgroup.into()),
            condition: None,
            background: None,
            program: None,
            files: None,
        }
    }

    #[test]
    fn units_and_containers_come_from_the_cgroup() {
        let id = "0123456789abcdef".repeat(4);
        let unit = |path: &str| {
            let process = process("x", None, path);
            process
                .unit()
                .map(|unit| String::from_utf8(unit.to_vec()).unwrap())
        };
        assert_eq!(
            unit("/system.slice/nginx.service").as_deref(),
            Some("nginx.service")
        );
        assert_eq!(
            unit("/user.slice/user-0.slice/session-3.scope").as_deref(),
            Some("session-3.scope")
        );
        assert_eq!(unit("/"), None);
        assert_eq!(unit("/.service"), None);
        let container = |path: &str| process("x", None, path).container();
        let docker = container(&format!("/system.slice/docker-{id}.scope")).unwrap();
        assert_eq!(
            (docker.engine, docker.id),
            ("docker", "0123456789ab".into())
        );
        assert_eq!(
            container(&format!("/docker/{id}")).unwrap().id,
            "0123456789ab".into()
        );
        assert_eq!(container("/lxc.payload.web").unwrap().id, "web".into());
        assert_eq!(container("/system.slice/nginx.service"), None);
    }

    #[test]
    fn a_name_longer_than_comm_needs_the_command_line() {
        let p = process("my-long-server-", Some("/opt/my-long-server-name --x"), "/");
        assert!(p.is_called(b"my-long-server-"));
        assert!(p.is_called(b"my-long-server-name"));
        assert!(!p.is_called(b"my-long-server-other"));
        assert!(!p.is_called(b"my"));
        assert!(!process("sh", None, "/").is_called(b"shell"));
    }
}
