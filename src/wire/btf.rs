//! BTF, the kernel's description of its own types: where the members of a few structures lie.
//!
//! Format: `include/uapi/linux/btf.h`. The whole of it is walked once and almost nothing is
//! kept, because an answer that takes two milliseconds cannot spend a hundred on types.

use super::bytes::{array_at, u8_at, u16_at, u32_at};

/// `BTF_MAGIC`, in the byte order of the machine that made it.
const MAGIC: u16 = 0xEB9F;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const FUNC: u32 = 12;
/// Bytes of a type before its own part, and of one member of a structure.
const HEAD: usize = 12;
const MEMBER: usize = 12;
/// The place of every type with a number divisible by this is remembered.
const STRIDE: u32 = 64;
/// So many members are looked at for one offset at most, and so deep: types could go in circles.
const MOST_MEMBERS: u32 = 4096;
const DEEPEST: u32 = 8;

/// A type as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Type {
    /// Where it begins, from the first type on.
    at: usize,
    name: u32,
    kind: u32,
    members: usize,
    /// `kind_flag`: the offsets of members have the width of bit fields in them.
    with_width: bool,
}

/// What is looked for: structures and functions, by their names.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Structures.
    pub structs: &'a [&'a str],
    /// Functions.
    pub functions: &'a [&'a str],
}

/// BTF that has been walked.
#[derive(Debug)]
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// The place of every [`STRIDE`]th type.
    places: Vec<usize>,
    structs: Vec<(&'a str, Type)>,
    functions: Vec<(&'a str, u32)>,
}

impl<'a> Btf<'a> {
    /// Walks the types until all that is wanted has been met; `None` when these are no BTF of
    /// this machine's byte order, or the types end in the middle of one.
    #[must_use]
    pub fn parse(bytes: &'a [u8], wanted: Wanted<'a>) -> Option<Self> {
        if u16_at(bytes, 0)? != MAGIC || u8_at(bytes, 2)? != 1 {
            return None;
        }
        let field = |at| usize::try_from(u32_at(bytes, at)?).ok();
        let section = |from: usize, length: usize| {
            let from = field(4)?.checked_add(from)?;
            bytes.get(from..from.checked_add(length)?)
        };
        let mut btf = Self {
            types: section(field(8)?, field(12)?)?,
            strings: section(field(16)?, field(20)?)?,
            places: Vec::new(),
            structs: Vec::new(),
            functions: Vec::new(),
        };
        btf.walk(wanted)?;
        Some(btf)
    }

    fn walk(&mut self, wanted: Wanted<'a>) -> Option<()> {
        let mut missing = wanted.structs.len() + wanted.functions.len();
        let (mut at, mut id) = (0, 1_u32);
        while at < self.types.len() && missing > 0 {
            if id % STRIDE == 0 {
                self.places.push(at);
            }
            let found = self.type_at(at)?;
            if found.kind == STRUCT {
                if let Some(name) = self.named(found.name, wanted.structs) {
                    self.structs.push((name, found));
                    missing = missing.saturating_sub(1);
                }
            } else if found.kind == FUNC
                && let Some(name) = self.named(found.name, wanted.functions)
            {
                self.functions.push((name, id));
                missing = missing.saturating_sub(1);
            }
            at = end_of(found)?;
            id += 1;
        }
        (at <= self.types.len()).then_some(())
    }

    /// The number of a function; `None` when there is none of this name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        self.functions
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, id)| *id)
    }

    /// The offset in bytes of a member, in a structure that was wanted or in one without a
    /// name within it; `None` when there is none, or it is a bit field.
    #[must_use]
    pub fn offset(&self, structure: &str, member: &str) -> Option<u16> {
        let (_, found) = self.structs.iter().find(|(known, _)| *known == structure)?;
        let mut left = MOST_MEMBERS;
        let bits = self.find(*found, member, DEEPEST, &mut left)?;
        if bits % 8 != 0 {
            return None;
        }
        u16::try_from(bits / 8).ok()
    }

    /// The offset of a member in bits.
    fn find(&self, structure: Type, member: &str, depth: u32, left: &mut u32) -> Option<u32> {
        let depth = depth.checked_sub(1)?;
        for number in 0..structure.members {
            *left = left.checked_sub(1)?;
            let at = structure.at + HEAD + number * MEMBER;
            let name = u32_at(self.types, at)?;
            let offset = u32_at(self.types, at + 8)?;
            let (offset, width) = if structure.with_width {
                (offset & 0x00FF_FFFF, offset >> 24)
            } else {
                (offset, 0)
            };
            if name == 0 {
                let inner = u32_at(self.types, at + 4).and_then(|id| self.type_of(id));
                let within = inner
                    .filter(|inner| matches!(inner.kind, STRUCT | UNION))
                    .and_then(|inner| self.find(inner, member, depth, left));
                if let Some(within) = within {
                    return offset.checked_add(within);
                }
            } else if width == 0 && self.is(name, member) {
                return Some(offset);
            }
        }
        None
    }

    /// The type of this number.
    fn type_of(&self, id: u32) -> Option<Type> {
        let passed = usize::try_from(id / STRIDE).ok()?;
        // A type that the walk has not come to is reached from the last place it was at.
        let (mut at, mut now) = match passed.min(self.places.len()) {
            0 => (0, 1),
            known => (
                *self.places.get(known - 1)?,
                u32::try_from(known).ok()?.checked_mul(STRIDE)?,
            ),
        };
        if id < now {
            return None;
        }
        while now < id {
            at = end_of(self.type_at(at)?)?;
            now += 1;
        }
        self.type_at(at)
    }

    fn type_at(&self, at: usize) -> Option<Type> {
        // One look at the bounds for both.
        let head: [u8; 8] = array_at(self.types, at)?;
        let (name, info) = (u32_at(&head, 0)?, u32_at(&head, 4)?);
        Some(Type {
            at,
            name,
            kind: (info >> 24) & 0x1F,
            members: usize::try_from(info & 0xFFFF).ok()?,
            with_width: info >> 31 == 1,
        })
    }

    fn named(&self, name: u32, wanted: &[&'a str]) -> Option<&'a str> {
        wanted.iter().find(|known| self.is(name, known)).copied()
    }

    /// Whether the string at this offset is `wanted`.
    fn is(&self, name: u32, wanted: &str) -> bool {
        let text = usize::try_from(name).ok();
        let text = text.and_then(|at| self.strings.get(at..)).unwrap_or(&[]);
        // Most names differ in the first letter already.
        text.first() == wanted.as_bytes().first()
            && text
                .strip_prefix(wanted.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&0))
    }
}

/// Bytes after the head of a type, by its kind: some for the type, and some for each member.
/// `None` for a kind that is not known.
///
/// A table, since the kinds come in no order that a processor could foresee.
const LENGTHS: [Option<(u8, u8)>; 32] = {
    let mut lengths = [None; 32];
    let nothing = Some((0, 0));
    // Pointer, forward, typedef, volatile, const, restrict, function, float, type tag.
    [lengths[2], lengths[7], lengths[8]] = [nothing; 3];
    [lengths[9], lengths[10], lengths[11]] = [nothing; 3];
    [lengths[12], lengths[16], lengths[18]] = [nothing; 3];
    // Integer, variable, declaration tag.
    [lengths[1], lengths[14], lengths[17]] = [Some((4, 0)); 3];
    // Array.
    lengths[3] = Some((12, 0));
    // Structure, union, data section, 64-bit enumeration.
    [lengths[4], lengths[5], lengths[15], lengths[19]] = [Some((0, 12)); 4];
    // Enumeration, prototype.
    [lengths[6], lengths[13]] = [Some((0, 8)); 2];
    lengths
};

/// Where the type after this one begins; `None` for a kind that is not known, since its length
/// is not.
fn end_of(found: Type) -> Option<usize> {
    let kind = usize::try_from(found.kind).ok()?;
    let (own, each) = (*LENGTHS.get(kind)?)?;
    Some(found.at + HEAD + usize::from(own) + found.members * usize::from(each))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes BTF.
    #[derive(Default)]
    pub(in crate::wire) struct Writer {
        types: Vec<u8>,
        strings: Vec<u8>,
        count: u32,
    }

    impl Writer {
        fn name(&mut self, name: &str) -> u32 {
            if name.is_empty() {
                return 0;
            }
            if self.strings.is_empty() {
                self.strings.push(0);
            }
            let at = u32::try_from(self.strings.len()).unwrap();
            self.strings.extend(name.as_bytes());
            self.strings.push(0);
            at
        }

        fn put(&mut self, name: &str, info: u32, size: u32, rest: &[u32]) -> u32 {
            let name = self.name(name);
            for word in [name, info, size].iter().chain(rest) {
                self.types.extend(word.to_ne_bytes());
            }
            self.count += 1;
            self.count
        }

        /// A structure (or a union) with members of (name, type, offset as it is written).
        pub fn structure(
            &mut self,
            name: &str,
            kind: u32,
            flag: bool,
            of: &[(&str, u32, u32)],
        ) -> u32 {
            let mut members = Vec::new();
            for (name, of_type, offset) in of {
                members.extend([self.name(name), *of_type, *offset]);
            }
            let info = u32::from(flag) << 31 | kind << 24 | u32::try_from(of.len()).unwrap();
            self.put(name, info, 0, &members)
        }

        pub fn function(&mut self, name: &str) -> u32 {
            self.put(name, FUNC << 24, 1, &[])
        }

        /// `count` integers, which stand in the way.
        pub fn integers(&mut self, count: u32) {
            for _ in 0..count {
                self.put("int", 1 << 24, 4, &[32]);
            }
        }

        pub fn bytes(&self) -> Vec<u8> {
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
            let (types, strings) = (length(&self.types), length(&self.strings));
            let mut bytes = MAGIC.to_ne_bytes().to_vec();
            bytes.extend([1, 0]);
            for word in [24, 0, types, types, strings] {
                bytes.extend(word.to_ne_bytes());
            }
            bytes.extend(&self.types);
            bytes.extend(&self.strings);
            bytes
        }
    }

    const WANTED: Wanted<'static> = Wanted {
        structs: &["file", "path"],
        functions: &["iterate"],
    };

    fn example() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.integers(130);
        let path = writer.structure("path", STRUCT, false, &[("mnt", 1, 0), ("dentry", 1, 64)]);
        let inner = writer.structure("", UNION, false, &[("f_path", path, 0), ("other", 1, 0)]);
        writer.integers(70);
        let bits = [("flags", 1, 3 << 24 | 8), ("", inner, 64), ("mode", 1, 24)];
        writer.structure("file", STRUCT, true, &bits);
        writer.structure("file_operations", STRUCT, false, &[("open", 1, 0)]);
        writer.function("iterate_not");
        writer.function("iterate");
        writer.bytes()
    }

    #[test]
    fn members_are_found_through_those_without_a_name() {
        let bytes = example();
        let btf = Btf::parse(&bytes, WANTED).unwrap();
        assert_eq!(btf.offset("file", "f_path"), Some(8));
        assert_eq!(btf.offset("file", "mode"), Some(3));
        assert_eq!(btf.offset("path", "dentry"), Some(8));
        assert_eq!(btf.offset("file", "flags"), None, "a bit field");
        assert_eq!(btf.offset("file", "dentry"), None, "of a named member");
        assert_eq!(btf.offset("inode", "i_ino"), None);
        assert_eq!(btf.function("iterate"), Some(206));
        assert_eq!(btf.function("iterate_not"), None, "not asked for");
    }

    #[test]
    fn what_is_no_btf_is_refused() {
        let bytes = example();
        for (place, byte) in [(0, 0), (2, 2), (4, 255), (12, 1), (20, 255)] {
            let mut broken = bytes.clone();
            broken[place] = byte;
            assert!(Btf::parse(&broken, WANTED).is_none(), "{place}");
        }
        assert!(Btf::parse(&[], WANTED).is_none());
    }

    #[test]
    fn a_structure_within_itself_ends() {
        let mut writer = Writer::default();
        let file = writer.structure("file", STRUCT, false, &[("", 1, 0), ("x", 1, 8)]);
        assert_eq!(file, 1);
        let bytes = writer.bytes();
        let btf = Btf::parse(&bytes, WANTED).unwrap();
        assert_eq!(btf.offset("file", "x"), Some(1));
        assert_eq!(btf.offset("file", "y"), None);
    }

    proptest! {
        #[test]
        fn never_panics(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Btf::parse(&noise, WANTED);
            let mut bytes = example();
            bytes.truncate(24);
            bytes.extend(&noise);
            if let Some(btf) = Btf::parse(&bytes, WANTED) {
                let _ = btf.offset("file", "f_path");
            }
        }

        #[test]
        fn never_panics_on_a_changed_byte(place in 0_usize..4000, byte in any::<u8>()) {
            let mut bytes = example();
            let place = place % bytes.len();
            bytes[place] = byte;
            if let Some(btf) = Btf::parse(&bytes, WANTED) {
                let _ = (btf.offset("file", "f_path"), btf.offset("path", "dentry"));
            }
        }
    }
}
