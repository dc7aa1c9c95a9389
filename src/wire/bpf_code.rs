//! Instructions of bpf(2) programs, put together by name instead of by number.
//!
//! Source: `struct bpf_insn` and the codes in `include/uapi/linux/bpf.h`. Whether a program
//! makes sense is for the kernel's verifier to say.

/// Widths of loads and stores.
pub(super) const WORD: u8 = 0x00;
pub(super) const BYTE: u8 = 0x10;
pub(super) const DOUBLE: u8 = 0x18;
/// Arithmetic.
pub(super) const ADD: u8 = 0x00;
pub(super) const MULTIPLY: u8 = 0x20;
pub(super) const AND: u8 = 0x50;
pub(super) const SHIFT_RIGHT: u8 = 0x70;
/// Conditions.
pub(super) const EQUAL: u8 = 0x10;
pub(super) const NOT_EQUAL: u8 = 0x50;

#[derive(Clone, Copy, Debug)]
struct Instruction<Label> {
    code: u8,
    target: u8,
    source: u8,
    offset: i16,
    value: i32,
    jump: Option<Label>,
}

/// Instructions in a row, and where the labels among them are.
#[derive(Debug)]
pub(super) struct Assembler<Label> {
    code: Vec<Instruction<Label>>,
    labels: Vec<(Label, usize)>,
}

impl<Label: Copy + PartialEq> Assembler<Label> {
    pub fn new() -> Self {
        Self {
            code: Vec::new(),
            labels: Vec::new(),
        }
    }

    fn put(&mut self, code: u8, target: u8, source: u8, offset: i16, value: i32) {
        self.code.push(Instruction {
            code,
            target,
            source,
            offset,
            value,
            jump: None,
        });
    }

    fn put_jump(&mut self, code: u8, target: u8, source: u8, value: i32, to: Label) {
        self.put(code, target, source, 0, value);
        if let Some(last) = self.code.last_mut() {
            last.jump = Some(to);
        }
    }

    pub fn place(&mut self, label: Label) {
        self.labels.push((label, self.code.len()));
    }

    /// `target = source`
    pub fn copy(&mut self, target: u8, source: u8) {
        self.put(0xBF, target, source, 0, 0);
    }

    /// `target = value`
    pub fn number(&mut self, target: u8, value: u32) {
        self.put(0xB7, target, 0, 0, value.cast_signed());
    }

    /// `target = value` of 64 bits; with a `kind`, of something that the kernel looks up.
    pub fn wide(&mut self, target: u8, kind: u8, value: u64) {
        let [low, high] = halves(value);
        self.put(0x18, target, kind, 0, low);
        self.put(0, 0, 0, 0, high);
    }

    /// `target = *(source + offset)`
    pub fn load(&mut self, width: u8, target: u8, source: u8, offset: u16) {
        // No structure of the kernel is that long; one that was would be refused.
        let offset = i16::try_from(offset).unwrap_or(i16::MIN);
        self.put(0x61 | width, target, source, offset, 0);
    }

    /// `*(frame + offset) = source`
    pub fn store(&mut self, width: u8, source: u8, offset: i16) {
        self.put(0x63 | width, 10, source, offset, 0);
    }

    pub fn arithmetic(&mut self, operation: u8, target: u8, value: i32) {
        self.put(0x07 | operation, target, 0, 0, value);
    }

    pub fn arithmetic32(&mut self, operation: u8, target: u8, value: i32) {
        self.put(0x04 | operation, target, 0, 0, value);
    }

    pub fn add(&mut self, target: u8, source: u8) {
        self.put(0x0F | ADD, target, source, 0, 0);
    }

    pub fn shift_right_by(&mut self, target: u8, source: u8) {
        self.put(0x0F | SHIFT_RIGHT, target, source, 0, 0);
    }

    /// Jumps when `target` stands so to `value`.
    pub fn jump(&mut self, condition: u8, target: u8, value: u32, to: Label) {
        self.put_jump(0x05 | condition, target, 0, value.cast_signed(), to);
    }

    pub fn jump_if_different(&mut self, target: u8, source: u8, to: Label) {
        self.put_jump(0x0D | NOT_EQUAL, target, source, 0, to);
    }

    pub fn jump_always(&mut self, to: Label) {
        self.put_jump(0x05, 0, 0, 0, to);
    }

    pub fn call(&mut self, helper: i32) {
        self.put(0x85, 0, 0, 0, helper);
    }

    pub fn exit(&mut self) {
        self.put(0x95, 0, 0, 0, 0);
    }

    /// The instructions as the kernel takes them, every jump with its distance.
    pub fn finish(self) -> Vec<u64> {
        let distance = |at: usize, to: Label| {
            let place = self.labels.iter().find(|(label, _)| *label == to)?.1;
            i16::try_from(place.checked_sub(at + 1)?).ok()
        };
        let code = self.code.iter().enumerate();
        code.map(|(at, step)| {
            let jump = step.jump.and_then(|to| distance(at, to));
            encode(step, jump.unwrap_or(step.offset))
        })
        .collect()
    }
}

/// `struct bpf_insn`, whose two registers share a byte in the order of the machine.
fn encode<Label>(step: &Instruction<Label>, offset: i16) -> u64 {
    let registers = if cfg!(target_endian = "little") {
        step.source << 4 | step.target
    } else {
        step.target << 4 | step.source
    };
    let [o0, o1] = offset.to_ne_bytes();
    let [v0, v1, v2, v3] = step.value.to_ne_bytes();
    u64::from_ne_bytes([step.code, registers, o0, o1, v0, v1, v2, v3])
}

/// The lower and the upper half, as the two parts of a wide instruction carry them.
fn halves(value: u64) -> [i32; 2] {
    let half = |shift: u32| {
        let part = (value >> shift) & u64::from(u32::MAX);
        u32::try_from(part).unwrap_or_default().cast_signed()
    };
    [half(0), half(32)]
}
