//! The program that runs in the kernel for every open file of every process, and the records
//! it writes: which process holds which socket under which descriptor.
//!
//! It is made for the target `task_file` of bpf iterators (`kernel/bpf/task_iter.c`, Linux
//! 5.8) and assembled here, because it is short and no compiler has to be there for it.
//! Instructions: `include/uapi/linux/bpf.h`.

use std::num::NonZeroU32;

use super::bpf_code::{
    ADD, AND, Assembler, BYTE, DOUBLE, EQUAL, MULTIPLY, NOT_EQUAL, SHIFT_RIGHT, WORD,
};
use super::btf::{Btf, Wanted};
use super::bytes::{array_at, u8_at, u32_at};
use crate::model::{Holder, Via};

/// Bytes of a record: process, descriptor, inode, user, the name of the process, in the place
/// of the NUL behind it what the file is, the thread, and four bytes of nothing.
pub const RECORD: usize = 40;
/// Where in a record stands what the file is.
const KIND: usize = 31;
/// Bytes of the map of [`Chosen`].
pub const MAP: usize = 8192;
/// The function whose type an iterator over open files is attached to.
const TARGET: &str = "bpf_iter_task_file";
/// The shift that leaves a hash with as many bits as there are in the map.
const HASH_SHIFT: i32 = 32 - (MAP * 8).ilog2().cast_signed();
/// An odd number near 2^32 divided by the golden ratio: consecutive inodes spread.
const HASH_FACTOR: u32 = 0x9E37_79B1;

/// Where the members that the program reads lie in the structures of the running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The BTF number of the target's function.
    pub target: u32,
    file_inode: u16,
    file_dentry: u16,
    inode_number: u16,
    inode_super: u16,
    super_magic: u16,
    dentry_name: u16,
    task_pid: u16,
    task_tgid: u16,
    task_leader: u16,
    task_comm: u16,
    task_cred: u16,
    cred_euid: u16,
}

impl Layout {
    /// Reads it from the kernel's BTF; `None` when a name is not there: the kernel is too old
    /// (5.8 has the target), was made without such types, or has changed since 6.18.
    #[must_use]
    pub fn read(btf: &[u8]) -> Option<Self> {
        let btf = Btf::parse(
            btf,
            Wanted {
                structs: &[
                    "file",
                    "path",
                    "inode",
                    "super_block",
                    "dentry",
                    "task_struct",
                    "cred",
                ],
                functions: &[TARGET],
            },
        )?;
        let path = btf.offset("file", "f_path")?;
        Some(Self {
            target: btf.function(TARGET)?,
            file_inode: btf.offset("file", "f_inode")?,
            file_dentry: path.checked_add(btf.offset("path", "dentry")?)?,
            inode_number: btf.offset("inode", "i_ino")?,
            inode_super: btf.offset("inode", "i_sb")?,
            super_magic: btf.offset("super_block", "s_magic")?,
            dentry_name: btf
                .offset("dentry", "d_shortname")
                // Its name before Linux 6.14.
                .or_else(|| btf.offset("dentry", "d_iname"))?,
            task_pid: btf.offset("task_struct", "pid")?,
            task_tgid: btf.offset("task_struct", "tgid")?,
            task_leader: btf.offset("task_struct", "group_leader")?,
            task_comm: btf.offset("task_struct", "comm")?,
            task_cred: btf.offset("task_struct", "real_cred")?,
            cred_euid: btf.offset("cred", "euid")?,
        })
    }
}

/// The sockets whose holders are wanted: the program passes over others, nearly always.
///
/// A bit for each hash of an inode, so that one look tells; two inodes may share a bit.
#[derive(Clone, PartialEq, Eq)]
pub struct Chosen(Box<[u8; MAP]>);

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits: u32 = self.0.iter().map(|byte| byte.count_ones()).sum();
        write!(f, "Chosen({bits} bits)")
    }
}

impl Chosen {
    /// Every socket.
    #[must_use]
    pub fn all() -> Self {
        Self(Box::new([u8::MAX; MAP]))
    }

    /// These sockets.
    pub fn of(inodes: impl IntoIterator<Item = NonZeroU32>) -> Self {
        let mut chosen = Self(Box::new([0; MAP]));
        for inode in inodes {
            let (byte, bit) = place(inode);
            if let Some(byte) = chosen.0.get_mut(byte) {
                *byte |= 1 << bit;
            }
        }
        chosen
    }

    /// The bytes of the map.
    #[must_use]
    pub fn bytes(&self) -> &[u8; MAP] {
        &self.0
    }
}

/// The byte and the bit of an inode in the map, as the program finds them.
fn place(inode: NonZeroU32) -> (usize, u32) {
    let hash = inode.get().wrapping_mul(HASH_FACTOR) >> HASH_SHIFT;
    // A hash has 16 bits.
    (usize::try_from(hash >> 3).unwrap_or_default(), hash & 7)
}

/// A record of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The process (thread group), in the initial pid namespace.
    pub pid: u32,
    /// The thread whose fd table it is: the process itself, unless a thread has one of its own.
    pub tid: u32,
    /// Its effective user.
    pub uid: u32,
    /// Its name, filled up with zeros.
    pub comm: [u8; 15],
    /// What it has open.
    pub file: OpenFile,
}

/// An open file of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFile {
    /// A socket.
    Socket(Holder),
    /// An `io_uring` under this descriptor.
    Ring(u32),
    /// A file of any kind.
    Any,
}

/// Reads a record; `None` when the bytes are not one of these programs'.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<Record> {
    let bytes: &[u8; RECORD] = bytes.try_into().ok()?;
    let (pid, fd) = (u32_at(bytes, 0)?, u32_at(bytes, 4)?);
    let file = match u8_at(bytes, KIND)? {
        KIND_SOCKET => OpenFile::Socket(Holder {
            inode: NonZeroU32::new(u32_at(bytes, 8)?)?,
            pid,
            via: Via::Fd(fd),
        }),
        KIND_RING => OpenFile::Ring(fd),
        KIND_ANY => OpenFile::Any,
        _ => return None,
    };
    Some(Record {
        pid,
        tid: u32_at(bytes, 32)?,
        uid: u32_at(bytes, 12)?,
        comm: array_at(bytes, 16)?,
        file,
    })
}

/// Places of the program that are jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Socket,
    Emit,
    End,
}

/// `include/uapi/linux/magic.h`.
const SOCKFS_MAGIC: u32 = 0x534F_434B;
const ANON_INODE_FS_MAGIC: u32 = 0x0904_1934;
const KIND_SOCKET: u8 = 1;
const KIND_RING: u8 = 2;
const KIND_ANY: u8 = 3;

/// The program for a kernel of this layout, with the map under the descriptor `map`: eight
/// bytes an instruction.
#[must_use]
pub fn program(layout: &Layout, map: i32) -> Vec<u64> {
    let mut code = Assembler::new();
    // r6: the context { meta, task, fd, file }; r7: the file; r8: its inode's number.
    code.copy(6, 1);
    code.load(DOUBLE, 7, 6, 24);
    code.jump(EQUAL, 7, 0, Label::End);
    code.load(DOUBLE, 1, 7, layout.file_inode);
    code.load(DOUBLE, 8, 1, layout.inode_number);
    // The file system, and not the kind of file: a path of a unix socket has that kind, too,
    // and an inode of another numbering.
    code.load(DOUBLE, 1, 1, layout.inode_super);
    code.load(DOUBLE, 1, 1, layout.super_magic);
    code.number(9, KIND_SOCKET.into());
    code.jump(EQUAL, 1, SOCKFS_MAGIC, Label::Socket);
    code.jump(NOT_EQUAL, 1, ANON_INODE_FS_MAGIC, Label::End);
    is_ring(&mut code, layout);
    code.number(9, KIND_RING.into());
    code.jump_always(Label::Emit);
    code.place(Label::Socket);
    is_chosen(&mut code, map);
    code.place(Label::Emit);
    emit(&mut code, layout);
    code.place(Label::End);
    code.number(0, 0);
    code.exit();
    code.finish()
}

/// The program that has every open file told, of whatever kind: whose files are seen at all.
#[must_use]
pub fn census(layout: &Layout) -> Vec<u64> {
    let mut code = Assembler::new();
    code.copy(6, 1);
    code.load(DOUBLE, 7, 6, 24);
    code.jump(EQUAL, 7, 0, Label::End);
    code.number(8, 0);
    code.number(9, KIND_ANY.into());
    emit(&mut code, layout);
    code.place(Label::End);
    code.number(0, 0);
    code.exit();
    code.finish()
}

/// Goes to the end unless the file in r7, of `anon_inodefs`, is an `io_uring`.
fn is_ring(code: &mut Assembler<Label>, layout: &Layout) {
    const NAME: [u8; 8] = *b"[io_urin";
    const REST: [u8; 4] = *b"g]\0\0";
    code.load(DOUBLE, 1, 7, layout.file_dentry);
    code.load(DOUBLE, 2, 1, layout.dentry_name);
    code.wide(3, 0, u64::from_ne_bytes(NAME));
    code.jump_if_different(2, 3, Label::End);
    // What follows the name's end is not ours to compare.
    for (at, byte) in (8_u16..).zip(REST).take(3) {
        code.load(BYTE, 2, 1, layout.dentry_name.saturating_add(at));
        code.jump(NOT_EQUAL, 2, u32::from(byte), Label::End);
    }
}

/// Goes to the end unless the bit of the inode in r8 is set in the map.
fn is_chosen(code: &mut Assembler<Label>, map: i32) {
    const PSEUDO_MAP_VALUE: u8 = 2;
    code.copy(1, 8);
    code.arithmetic32(MULTIPLY, 1, HASH_FACTOR.cast_signed());
    code.arithmetic32(SHIFT_RIGHT, 1, HASH_SHIFT);
    code.copy(2, 1);
    code.arithmetic(SHIFT_RIGHT, 1, 3);
    // The verifier is told, once more, that it cannot be beyond the map.
    code.arithmetic(AND, 1, i32::try_from(MAP - 1).unwrap_or_default());
    code.wide(3, PSEUDO_MAP_VALUE, u64::from(map.cast_unsigned()));
    code.add(3, 1);
    code.load(BYTE, 3, 3, 0);
    code.arithmetic(AND, 2, 7);
    code.shift_right_by(3, 2);
    code.arithmetic(AND, 3, 1);
    code.jump(EQUAL, 3, 0, Label::End);
}

/// Writes the record: on the stack first, then into the buffer of the reader.
fn emit(code: &mut Assembler<Label>, layout: &Layout) {
    const SEQ_WRITE: i32 = 127;
    code.load(DOUBLE, 1, 6, 8);
    code.jump(EQUAL, 1, 0, Label::End);
    code.number(2, 0);
    code.store(DOUBLE, 2, -8);
    code.load(WORD, 2, 1, layout.task_pid);
    code.store(WORD, 2, -8);
    code.load(WORD, 2, 1, layout.task_tgid);
    code.store(WORD, 2, -40);
    code.load(WORD, 2, 6, 16);
    code.store(WORD, 2, -36);
    code.store(WORD, 8, -32);
    // A thread may have a name of its own: the process goes by its leader's.
    code.load(DOUBLE, 1, 1, layout.task_leader);
    code.load(DOUBLE, 2, 1, layout.task_cred);
    code.load(WORD, 2, 2, layout.cred_euid);
    code.store(WORD, 2, -28);
    for half in [0_u16, 8] {
        code.load(DOUBLE, 2, 1, layout.task_comm.saturating_add(half));
        code.store(DOUBLE, 2, half.cast_signed() - 24);
    }
    code.store(BYTE, 9, -9);
    // ctx->meta->seq, the record, its length.
    code.load(DOUBLE, 1, 6, 0);
    code.load(DOUBLE, 1, 1, 0);
    code.copy(2, 10);
    code.arithmetic(ADD, 2, -40);
    code.number(3, 40);
    code.call(SEQ_WRITE);
}

#[cfg(test)]
mod tests {
    use super::super::btf::tests::Writer;
    use super::*;
    use proptest::prelude::*;

    const STRUCT: u32 = 4;

    /// The types of a kernel in which the name of a dentry is called so.
    fn types(name: &str) -> Vec<u8> {
        let mut writer = Writer::default();
        let mut one = |structure: &str, members: &[(&str, u32, u32)]| {
            writer.structure(structure, STRUCT, false, members);
        };
        one("path", &[("mnt", 0, 0), ("dentry", 0, 64)]);
        one("file", &[("f_inode", 0, 256), ("f_path", 1, 512)]);
        one("inode", &[("i_sb", 0, 320), ("i_ino", 0, 512)]);
        one("super_block", &[("s_magic", 0, 768)]);
        one("dentry", &[(name, 0, 448)]);
        one("cred", &[("euid", 0, 160)]);
        let task = [
            ("pid", 0, 0),
            ("tgid", 0, 32),
            ("group_leader", 0, 64),
            ("real_cred", 0, 128),
        ];
        one("task_struct", &[&task[..], &[("comm", 0, 192)]].concat());
        writer.function(TARGET);
        writer.bytes()
    }

    fn layout() -> Layout {
        Layout::read(&types("d_shortname")).unwrap()
    }

    #[test]
    fn the_layout_is_read_from_the_types() {
        let layout = layout();
        assert_eq!((layout.target, layout.file_dentry), (8, 72));
        assert_eq!((layout.task_tgid, layout.task_comm), (4, 24));
        assert_eq!(layout, Layout::read(&types("d_iname")).unwrap());
        assert_eq!(Layout::read(&types("d_name")), None);
        assert_eq!(Layout::read(b"no types at all"), None);
    }

    /// The parts of an instruction: code, target, source, offset, value.
    fn parts(instruction: u64) -> (u8, u8, u8, i16, i32) {
        let [code, registers, o0, o1, v0, v1, v2, v3] = instruction.to_ne_bytes();
        let (low, high) = (registers & 15, registers >> 4);
        let (target, source) = if cfg!(target_endian = "little") {
            (low, high)
        } else {
            (high, low)
        };
        let offset = i16::from_ne_bytes([o0, o1]);
        (
            code,
            target,
            source,
            offset,
            i32::from_ne_bytes([v0, v1, v2, v3]),
        )
    }

    #[test]
    fn every_jump_leads_forward_to_an_instruction() {
        for code in [program(&layout(), 7), census(&layout())] {
            let length = i64::try_from(code.len()).unwrap();
            for (at, instruction) in (0_i64..).zip(&code) {
                let (code, _, _, offset, _) = parts(*instruction);
                // The class of jumps, but for a call and the end.
                if code & 7 == 5 && !matches!(code, 0x85 | 0x95) {
                    assert!(offset > 0 && at + i64::from(offset) + 1 < length, "{at}");
                }
            }
            assert_eq!(parts(code[0]), (0xBF, 6, 1, 0, 0));
            assert_eq!(parts(*code.last().unwrap()).0, 0x95);
        }
    }

    #[test]
    fn the_map_is_named_by_its_descriptor() {
        let code = program(&layout(), 1234);
        let wide: Vec<_> = code.iter().map(|i| parts(*i)).collect();
        assert!(wide.contains(&(0x18, 3, 2, 0, 1234)));
    }

    fn bytes(pid: u32, fd: u32, inode: u32, kind: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [pid, fd, inode, 1000] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(b"nginx\0\0\0\0\0\0\0\0\0\0");
        bytes.push(kind);
        for word in [pid + 1, 0] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn records_are_read() {
        let read = record(&bytes(10, 3, 77, KIND_SOCKET)).unwrap();
        assert_eq!((read.pid, read.tid, read.uid), (10, 11, 1000));
        assert_eq!(&read.comm[..6], b"nginx\0");
        let holder = Holder {
            inode: NonZeroU32::new(77).unwrap(),
            pid: 10,
            via: Via::Fd(3),
        };
        assert_eq!(read.file, OpenFile::Socket(holder));
        let ring = record(&bytes(10, 3, 77, KIND_RING)).unwrap();
        assert_eq!(ring.file, OpenFile::Ring(3));
        assert_eq!(record(&bytes(10, 3, 0, KIND_SOCKET)), None);
        assert_eq!(record(&bytes(10, 3, 77, 0)), None, "a name of 16 bytes");
        assert_eq!(record(&bytes(10, 3, 77, KIND_SOCKET)[..39]), None);
    }

    #[test]
    fn chosen_inodes_are_marked() {
        let inodes = [1, 2, 97_000_000, u32::MAX].map(|n| NonZeroU32::new(n).unwrap());
        let chosen = Chosen::of(inodes);
        let is_marked = |chosen: &Chosen, inode| {
            let (byte, bit) = place(inode);
            chosen.bytes()[byte] >> bit & 1 == 1
        };
        assert!(inodes.iter().all(|inode| is_marked(&chosen, *inode)));
        assert!(!is_marked(&chosen, NonZeroU32::new(3).unwrap()));
        assert!(is_marked(&Chosen::all(), NonZeroU32::new(3).unwrap()));
        // Inodes that were given out one after the other do not share bits.
        let row = (5000..9000).map(|n| NonZeroU32::new(n).unwrap());
        let bits: std::collections::BTreeSet<_> = row.map(place).collect();
        assert!(bits.len() > 3900, "{}", bits.len());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = record(&bytes);
            let _ = Layout::read(&bytes);
        }

        #[test]
        fn every_inode_has_a_place(inode in 1..=u32::MAX) {
            let (byte, bit) = place(NonZeroU32::new(inode).unwrap());
            prop_assert!(byte < MAP && bit < 8);
        }
    }
}
