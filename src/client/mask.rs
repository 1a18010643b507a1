//! Crossing secrets out of what a site says, in whatever form it repeats them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use zeroize::Zeroizing;

use super::credentials::Secret;
use super::error::Error;
use super::fault::THE_SITE_SAID;

/// A shorter one would tear holes into ordinary words, and be easily guessed from where they are.
pub(super) const SHORTEST: usize = 4;
/// From this length on, a secret is also found where a site changed its case.
const SHORTEST_IN_ANY_CASE: usize = 8;
/// What stands in the place of a secret in messages.
const CROSSED_OUT: &str = "***";
/// How often one escape stands around another.
const DEEPEST: usize = 7;
/// `&#x10ffff;` and some zeroes.
const LONGEST_ENTITY: usize = 16;

/// The secrets that an error must not repeat.
#[derive(Default)]
pub(super) struct Mask(Vec<Secret>);

impl Mask {
    pub(super) fn secret(&mut self, secret: &Secret) {
        if secret.expose().len() >= SHORTEST {
            self.0.push(secret.clone());
        }
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }

    /// The values of an address's query: one of them is its signature.
    pub(super) fn query(&mut self, url: &Url) {
        for (_, value) in url.query_pairs() {
            if value.len() >= SHORTEST_IN_ANY_CASE {
                self.0.push(Secret::new(value));
            }
        }
    }

    /// Puts something in the place of every secret in a text.
    pub(super) fn cross_out(&self, text: &mut String, with: &str) {
        for secret in &self.0 {
            cross_out(text, secret.expose(), with);
            for code in in_base64(secret.expose()) {
                cross_out(text, &code, with);
            }
        }
    }

    /// Crosses out every secret in all that the error says.
    pub(super) fn apply(&self, error: &mut Error) {
        let record = &mut **error;
        for secret in &self.0 {
            cross_out_of_message(&mut record.message, secret.expose());
            for code in in_base64(secret.expose()) {
                cross_out(&mut record.message, &code, CROSSED_OUT);
            }
        }
        let refusal = &mut record.refusal;
        let parts = [
            record.server_message.as_mut(),
            refusal.role.as_mut(),
            refusal.rule_text.as_mut(),
            refusal.entity_type.as_mut(),
            refusal.field.as_mut(),
            refusal.operation.as_mut(),
        ];
        for text in parts.into_iter().flatten() {
            self.cross_out(text, CROSSED_OUT);
        }
    }
}

/// What a secret looks like within a text in base64, such as `name:secret` of an `Authorization`: by what stands before it, its
/// bits lie in one of three ways. Its first and last characters depend on its neighbours, and are left out.
fn in_base64(secret: &str) -> Vec<Zeroizing<String>> {
    (0..3)
        .filter_map(|before| {
            let mut padded = Zeroizing::new(Vec::with_capacity(before + secret.len()));
            padded.resize(before, 0);
            padded.extend_from_slice(secret.as_bytes());
            let text = Zeroizing::new(STANDARD.encode(&padded));
            // Characters of six bits that lie wholly within the secret.
            let (first, behind) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
            let inner = text.get(first..behind).filter(|inner| inner.len() >= SHORTEST_IN_ANY_CASE);
            inner.map(|inner| Zeroizing::new(inner.to_owned()))
        })
        .collect()
}

/// Whether a secret may be a plain word. A longer one is no word that anybody knows to stand somewhere.
pub(super) fn is_word(secret: &str) -> bool {
    const LONGEST: usize = 16;
    secret.len() < LONGEST && secret.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Crosses a secret out of a message of the library's. A password that is a plain word may be among the library's own words, and a mark
/// there would tell it: such a one is looked for only in what others said, behind [`THE_SITE_SAID`] and between quotes.
fn cross_out_of_message(message: &mut String, secret: &str) {
    if !is_word(secret) {
        return cross_out(message, secret, CROSSED_OUT);
    }
    let own_end = message
        .find(THE_SITE_SAID)
        .map_or(message.len(), |start| start + THE_SITE_SAID.len());
    let (own, said) = message.split_at(own_end);
    let crossed = |text: &str| {
        let mut text = text.to_owned();
        cross_out(&mut text, secret, CROSSED_OUT);
        text
    };
    let own: Vec<_> = own
        .split('"')
        .enumerate()
        .map(|(place, part)| if place % 2 == 1 { crossed(part) } else { part.to_owned() })
        .collect();
    *message = own.join("\"") + &crossed(said);
}

/// Replaces every place where the secret stands, as it is or as JSON, addresses or web pages write it.
fn cross_out(text: &mut String, secret: &str, with: &str) {
    if text.contains(secret) {
        *text = text.replace(secret, with);
    }
    let any_case = secret.len() >= SHORTEST_IN_ANY_CASE;
    let begins = beginnings(secret);
    let mut clean = String::new();
    let mut rest = text.as_str();
    let mut changed = false;
    while let Some(next) = rest.bytes().position(|byte| byte >= 0x80 || begins.contains(&byte)) {
        let (before, from) = rest.split_at(next);
        clean.push_str(before);
        if let Some(behind) = written_at(from, secret, any_case) {
            clean.push_str(with);
            rest = behind;
            changed = true;
        } else {
            let first = from.chars().next().map_or(0, char::len_utf8);
            clean.push_str(from.get(..first).unwrap_or_default());
            rest = from.get(first..).unwrap_or_default();
        }
    }
    clean.push_str(rest);
    if changed {
        *text = clean;
    }
    if any_case {
        cross_out_cut(text, secret, with);
    }
}

/// Replaces the beginning of a long secret where a text was cut within it: at its end, or where an ellipsis stands.
fn cross_out_cut(text: &mut String, secret: &str, with: &str) {
    const CUT: char = '…';
    let mut ends: Vec<usize> = text.match_indices(CUT).map(|(place, _)| place).collect();
    ends.push(text.len());
    for end in ends.into_iter().rev() {
        let Some(before) = text.as_bytes().get(..end) else { continue };
        let lengths = secret.char_indices().map(|(length, _)| length).rev();
        let is_cut = |length: &usize| {
            let (Some(told), Some(begin)) = (before.get(end.wrapping_sub(*length)..), secret.as_bytes().get(..*length)) else {
                return false;
            };
            told.eq_ignore_ascii_case(begin)
        };
        if let Some(length) = lengths.take_while(|length| *length >= SHORTEST_IN_ANY_CASE).find(is_cut) {
            text.replace_range(end - length..end, with);
        }
    }
}

/// The ASCII characters that a secret may begin with in any form; most of a text is passed over by them. Others may always begin it.
fn beginnings(secret: &str) -> [u8; 7] {
    let first = secret.chars().next().unwrap_or_default();
    let likewise = match first {
        ' ' => '+',
        '+' => '-',
        '/' => '_',
        _ => first,
    };
    let lower = first.to_lowercase().next().unwrap_or(first);
    let upper = lower.to_ascii_uppercase();
    // What is no ASCII is always looked at.
    [first, likewise, lower, upper, '%', '&', '\\'].map(|letter| u8::try_from(letter).unwrap_or(b'%'))
}

/// What stands behind the secret, if it stands at the beginning of `text` in some form.
fn written_at<'t>(text: &'t str, secret: &str, any_case: bool) -> Option<&'t str> {
    secret.chars().try_fold(text, |rest, wanted| character_at(rest, wanted, any_case))
}

fn character_at(text: &str, wanted: char, any_case: bool) -> Option<&str> {
    let same = |found: char| found == wanted || (any_case && found.to_lowercase().eq(wanted.to_lowercase()));
    let first = text.chars().next()?;
    // The longer forms first, since each of these characters may stand for itself.
    let coded = match first {
        '%' => (0..=DEEPEST)
            .rev()
            .filter_map(|times| percent_coded(text, times))
            .find(|(found, _)| same(*found)),
        '&' => entity(text).filter(|(found, _)| same(*found)),
        '\\' => unicode_escape(text).or_else(|| escape(text)).filter(|(found, _)| same(*found)),
        _ => None,
    };
    if let Some((_, behind)) = coded {
        return Some(behind);
    }
    let alike = same(first) || (wanted == ' ' && first == '+') || matches!((wanted, first), ('+', '-') | ('/', '_'));
    alike.then(|| text.get(first.len_utf8()..))?
}

/// `\n` or `\"`, escaped once or more often, as JSON within JSON is.
fn escape(text: &str) -> Option<(char, &str)> {
    let mut escaped = text.strip_prefix('\\')?;
    for _ in 0..DEEPEST {
        escaped = escaped.strip_prefix('\\').unwrap_or(escaped);
    }
    let letter = escaped
        .chars()
        .next()
        .filter(|letter| !letter.is_alphanumeric() || matches!(letter, 'n' | 'r' | 't'));
    let Some(letter) = letter else {
        // Nothing but backslashes: one of them is meant.
        return Some(('\\', escaped));
    };
    let meant = match letter {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    };
    Some((meant, escaped.get(letter.len_utf8()..)?))
}

/// A character of one to four bytes that are written as `%C3%A9`, or as `%25C3%25A9` where that was done `times` more.
fn percent_coded(text: &str, times: usize) -> Option<(char, &str)> {
    let byte = |text: &'_ str| -> Option<(u8, usize)> {
        let mut digits = text.strip_prefix('%')?;
        for _ in 0..times {
            digits = digits.strip_prefix("25")?;
        }
        let value = hex(digits, 2)?;
        Some((u8::try_from(value).ok()?, text.len() - digits.len() + 2))
    };
    let (first, mut used) = byte(text)?;
    let more = match first {
        0xc0..0xe0 => 1,
        0xe0..0xf0 => 2,
        0xf0.. => 3,
        _ => 0,
    };
    let mut bytes = vec![first];
    for _ in 0..more {
        let (next, length) = byte(text.get(used..)?)?;
        bytes.push(next);
        used += length;
    }
    let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((character, text.get(used..)?))
}

/// `&amp;`, `&#38;` or `&#x26;`.
fn entity(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';')?;
    let (name, behind) = text.strip_prefix('&')?.split_at_checked(end.checked_sub(1)?)?;
    let found = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((found, behind.strip_prefix(';')?))
}

/// `\u00e9`, or two of them for what lies beyond.
fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| hex(text.strip_prefix("\\u")?, 4);
    let first = unit(text)?;
    let behind = text.get(6..)?;
    if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, unit(behind)) {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(joined)?, behind.get(6..)?));
    }
    Some((char::from_u32(first)?, behind))
}

fn hex(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status::Status;

    fn masked(secret: &str, text: &str) -> String {
        let mut mask = Mask::default();
        mask.secret(&Secret::new(secret));
        let mut error = Error::new(Status::Rejected, text);
        error.server_message = Some(text.to_owned());
        mask.apply(&mut error);
        assert_eq!(error.server_message.as_deref(), Some(error.message.as_str()));
        error.message.clone()
    }

    #[test]
    fn every_form_of_a_secret_is_crossed_out() {
        let secret = "p@ss \"wörd\"\\&<x>/+%41é😀";
        let json = serde_json::Value::from(secret).to_string();
        let inner = json.trim_matches('"').to_owned();
        let ascii: String = inner
            .chars()
            .flat_map(|character| match character.is_ascii() {
                true => vec![character.to_string()],
                false => character
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}"))
                    .collect(),
            })
            .collect();
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let every_byte: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let html = secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&#34;");
        for (what, text) in [
            ("raw", secret.to_owned()),
            ("JSON", inner.clone()),
            ("JSON in ASCII", ascii),
            ("JSON with escaped slashes", inner.replace('/', "\\/")),
            (
                "JSON in JSON",
                serde_json::Value::from(inner).to_string().trim_matches('"').to_owned(),
            ),
            ("a form", form.clone()),
            ("a form in small letters", form.to_lowercase()),
            ("a form twice", form.replace('%', "%25")),
            ("an address", every_byte.clone()),
            ("an address in capitals", every_byte.to_uppercase()),
            ("a page", html),
            ("small letters", secret.to_lowercase()),
            ("capitals", secret.to_uppercase()),
        ] {
            assert_eq!(masked(secret, &format!("<{text}> refused")), "<***> refused", "{what}: {text}");
        }
    }

    #[test]
    fn credentials_in_base64_are_crossed_out() {
        let secret = "0123456789abcdef";
        for user in ["", "a:", "ab:", "abc:", "joe:"] {
            let coded = STANDARD.encode(format!("{user}{secret}"));
            for text in [coded.clone(), coded.to_lowercase(), format!("{coded}more")] {
                let shown = masked(secret, &format!("Basic {text}"));
                let plain = STANDARD
                    .decode(shown.trim_start_matches("Basic ").replace("***", ""))
                    .unwrap_or_default();
                assert!(
                    shown.contains("***") && !String::from_utf8_lossy(&plain).contains("3456"),
                    "{user}: {shown}"
                );
            }
        }
    }

    #[test]
    fn the_beginning_of_a_secret_that_was_cut_is_crossed_out() {
        let secret = "0123456789abcdefgh";
        for (text, shown) in [
            ("title \"a 0123456789ab…\", more", "title \"a ***…\", more"),
            ("0123456789ABCDEFG", "***"),
            ("0123456789abcdefgh… 01234567…", "***… ***…"),
            ("0123456… 0123456", "0123456… 0123456"),
            ("a…01234567", "a…***"),
        ] {
            assert_eq!(masked(secret, text), shown, "{text}");
        }
    }

    #[test]
    fn other_words_stay() {
        for text in [
            "The name is not known.",
            "100 % & more; %4",
            "\\u12",
            "&#x;",
            "&",
            "%",
            "\\",
            "tokens",
            "&#99999999999;",
        ] {
            assert_eq!(masked("token-of-mine", text), text);
        }
        assert_eq!(masked("abc", "abc abc"), "abc abc", "too short to be one");
        assert_eq!(masked("Site", "the site"), "the site", "short ones are not found in other letters");
    }

    #[test]
    fn a_password_that_is_a_word_of_the_librarys_is_not_told_by_a_mark() {
        let message = |secret: &str, text: &str| {
            let mut mask = Mask::default();
            mask.secret(&Secret::new(secret));
            let mut error = Error::new(Status::Rejected, text);
            mask.apply(&mut error);
            error.message.clone()
        };
        let text = "the site failed; it came with a web page, \"the site is down\"; the site said: your site";
        let shown = "the site failed; it came with a web page, \"the *** is down\"; the site said: your ***";
        assert_eq!(message("site", text), shown);
        assert_eq!(message("site7", "the site7 failed"), "the *** failed");
        assert_eq!(
            message("abcdefghijklmnopqrst", "via abcdefghijklmnopqrst"),
            "via ***",
            "a key of letters"
        );
    }

    #[test]
    fn a_secret_is_found_by_its_first_letter_in_any_form() {
        let rest = "bcdefgh7";
        for (first, forms) in [
            ("k", &["k", "K", "\u{212a}", "%6B", "%256b", "&#107;", "\\u006b"][..]),
            ("\u{212a}", &["k", "K", "\u{212a}", "%E2%84%AA"]),
            (" ", &[" ", "+", "%20"]),
            ("+", &["+", "-", "%2b"]),
            ("/", &["/", "_", "%2F"]),
            ("\"", &["\"", "\\u0022", "&quot;"]),
            ("é", &["é", "É", "%C3%A9", "\\u00e9"]),
        ] {
            for form in forms {
                let text = format!("a {form}{rest} z");
                assert_eq!(masked(&format!("{first}{rest}"), &text), "a *** z", "{first} as {form}");
            }
        }
    }

    #[test]
    fn signatures_of_addresses_are_crossed_out() {
        let mut mask = Mask::default();
        mask.query(&Url::parse("https://storage/x?n=1&X-Amz-Signature=0a1b2c3d4e5f%2B").unwrap());
        let mut error = Error::new(Status::Rejected, "you gave 0A1B2C3D4E5F%2b, part 1");
        mask.apply(&mut error);
        assert_eq!(error.message, "you gave ***, part 1");
    }
}
