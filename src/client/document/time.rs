//! The site's date and date-time texts.

/// Milliseconds since 1970-01-01 UTC of a date-time or date as sites write them: `2024-07-15T15:00:00Z`, with a fraction
/// or an offset, `2015-07-14 21:33:28 UTC`, or `2024-07-15` (its first moment, UTC).
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let date = text.get(..10)?;
    let days = days(date)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(days * 86_400_000);
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let time = clock.get(..8)?;
    let (hour, minute, second) = (two(time, 0)?, two(time, 3)?, two(time, 6)?);
    if time.as_bytes().get(2) != Some(&b':') || time.as_bytes().get(5) != Some(&b':') {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_ms, zone) = fraction(clock.get(8..)?)?;
    let offset = offset_minutes(zone)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    Some(seconds * 1000 + fraction_ms)
}

fn two(text: &str, at: usize) -> Option<i64> {
    let digits = text.get(at..at + 2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, in the proleptic Gregorian calendar.
fn days(date: &str) -> Option<i64> {
    let bytes = date.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let year = two(date, 0)? * 100 + two(date, 2)?;
    let (month, day) = (two(date, 5)?, two(date, 8)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years from March, so that the leap day is the last of its year.
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Splits `.123456Z` into milliseconds and what stands behind.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(digits_on) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let length = digits_on.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let (digits, zone) = digits_on.split_at_checked(length)?;
    let ms = digits
        .chars()
        .chain("00".chars())
        .take(3)
        .try_fold(0, |sum, digit| Some(sum * 10 + i64::from(digit.to_digit(10)?)))?;
    Some((ms, zone))
}

fn offset_minutes(zone: &str) -> Option<i64> {
    match zone {
        "Z" | "z" | " UTC" => Some(0),
        _ => {
            let sign = match zone.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let clock = zone.get(1..)?;
            let minutes = match clock.len() {
                5 if clock.as_bytes().get(2) == Some(&b':') => two(clock, 3)?,
                4 => two(clock, 2)?,
                _ => return None,
            };
            let hours = two(clock, 0)?;
            (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_ms;

    #[test]
    fn reads_what_sites_write() {
        assert_eq!(parse_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_ms("2024-07-15T15:00:00Z"), Some(1_721_055_600_000));
        assert_eq!(parse_ms("2024-07-15"), Some(1_721_001_600_000));
        assert_eq!(parse_ms("2015-07-14 21:33:28 UTC"), Some(1_436_909_608_000));
        assert_eq!(parse_ms("2024-02-29T12:00:00.5+05:30"), Some(1_709_188_200_500));
        assert_eq!(parse_ms("1968-10-13"), Some(-38_448_000_000));
        assert_eq!(parse_ms("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2024-02-30",
            "2024-07-15T24:00:00Z",
            "2024-07-15T15:00:00",
            "2024-7-15",
            "2024-07-15Tx5:00:00Z",
            "20é4-07-15",
        ] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
    }
}
