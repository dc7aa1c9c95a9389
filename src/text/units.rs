//! Amounts as people read them: three digits and a unit.

/// A number of things: `1 socket`, `3 sockets`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Lines that did not fit.
#[must_use]
pub fn lines_more(count: usize) -> String {
    counted(count as u64, "more line", "more lines")
}

/// Bytes: `0 B`, `14 B`, `1.4 KiB`, `128 KiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    scaled(bytes, 1024, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// Bytes a second: `14 B/s`, `1.4 kB/s`, `128 MB/s`.
#[must_use]
pub fn rate(bytes: u64) -> String {
    scaled(bytes, 1000, &["B/s", "kB/s", "MB/s", "GB/s", "TB/s"])
}

/// A time given in microseconds: `38 us`, `1.4 ms`, `120 ms`, `12 s`, `3 min 5 s`.
#[must_use]
pub fn micros(micros: u64) -> String {
    match micros {
        0..1_000_000 => scaled(micros, 1000, &["us", "ms"]),
        1_000_000..60_000_000 => scaled(micros / 1000, 1000, &["ms", "s"]),
        _ => span(micros / 1_000_000),
    }
}

/// A time given in milliseconds.
#[must_use]
pub fn millis(millis: u64) -> String {
    micros(millis.saturating_mul(1000))
}

/// Seconds in the two largest units.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// The amount in the largest of `units` of which there is one; below ten with a tenth, which is
/// cut and not rounded: a limit that is not reached must not look reached.
fn scaled(amount: u64, step: u64, units: &[&str]) -> String {
    let (mut whole, mut rest, mut index) = (amount, 0, 0);
    while whole >= step && index + 1 < units.len() {
        rest = whole % step;
        whole /= step;
        index += 1;
    }
    let unit = units.get(index).copied().unwrap_or_default();
    match rest * 10 / step {
        tenth @ 1.. if whole < 10 => format!("{whole}.{tenth} {unit}"),
        _ => format!("{whole} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        let told = [0, 1, 2].map(|count| counted(count, "socket", "sockets"));
        assert_eq!(told, ["0 sockets", "1 socket", "2 sockets"]);
        assert_eq!(lines_more(1), "1 more line");
    }

    #[test]
    fn amounts_have_the_largest_unit_that_fits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1434), "1.4 KiB");
        assert_eq!(bytes(131_072), "128 KiB");
        assert_eq!(bytes(u64::MAX), "16383 PiB");
        assert_eq!(rate(1_000_000), "1 MB/s");
        assert_eq!(micros(38), "38 us");
        assert_eq!(micros(1_450), "1.4 ms");
        assert_eq!(micros(120_000), "120 ms");
        assert_eq!(micros(12_300_000), "12 s");
        assert_eq!(millis(185_000), "3 min 5 s");
        assert_eq!(span(5), "5 s");
        assert_eq!(span(3 * 3600 + 12 * 60 + 9), "3 h 12 min");
        assert_eq!(span(90_000), "1 d 1 h");
    }
}
