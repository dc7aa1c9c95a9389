//! Values that several options take.

use std::time::Duration;

/// The longest time that one look may wait for the next.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads a duration for an option.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a duration: give 5, 5s, 300ms or 2m");
    let duration = crate::filter::duration(text).ok_or_else(wrong)?;
    if duration > LONGEST {
        return Err(format!("'{text}' is longer than a day"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let ms = |text| duration(text).unwrap().as_millis();
        assert_eq!(ms("5"), 5000);
        assert_eq!(ms("0"), 0);
        assert_eq!(ms("0.5"), 500);
        assert_eq!(ms("5s"), 5000);
        assert_eq!(ms("300ms"), 300);
        assert_eq!(ms("2m"), 120_000);
        for wrong in ["", "-1", "-5s", "x", "1x", "nan", "inf", "1e3", "25h", "."] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
