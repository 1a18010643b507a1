//! Tables for people.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::show::harmless;

/// The narrowest that a column is made for want of room.
const NARROW: usize = 8;
const GAP: &str = "  ";

/// A table with a line of titles. `width`: how many columns the terminal has; none where nothing is cut.
pub fn table(titles: &[String], rows: &[Vec<String>], width: Option<usize>) -> String {
    let clean: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|text| harmless(text).into_owned()).collect())
        .collect();
    let mut widths: Vec<usize> = titles.iter().map(|title| title.width()).collect();
    for row in &clean {
        for (column, text) in widths.iter_mut().zip(row) {
            *column = (*column).max(text.width());
        }
    }
    if let Some(width) = width {
        narrow(&mut widths, width);
    }
    let mut text = String::new();
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    for row in [titles, rule.as_slice()].into_iter().chain(clean.iter().map(Vec::as_slice)) {
        line(row, &widths, &mut text);
    }
    text
}

/// Takes from the widest until all fit.
fn narrow(widths: &mut [usize], room: usize) {
    loop {
        let all: usize = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
        let Some(widest) = widths.iter_mut().max() else { return };
        if all <= room || *widest <= NARROW {
            return;
        }
        *widest -= 1;
    }
}

fn line(row: &[String], widths: &[usize], text: &mut String) {
    let start = text.len();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        if index > 0 {
            text.push_str(GAP);
        }
        let shown = cut(cell, *width);
        text.push_str(&shown);
        text.extend(std::iter::repeat_n(' ', width.saturating_sub(shown.width())));
    }
    let end = text.trim_end_matches(' ').len().max(start);
    text.truncate(end);
    text.push('\n');
}

/// As much of a text as has room, with an ellipsis where it is cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut taken = 1;
    for letter in text.chars() {
        taken += letter.width().unwrap_or(0);
        if taken > width {
            break;
        }
        shown.push(letter);
    }
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(row: &[&str]) -> Vec<String> {
        row.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let rows = [
            texts(&["1", "港の灯", "x"]),
            texts(&["22", "e\u{301}te", ""]),
            texts(&["3", "a\nb", "y"]),
        ];
        let shown = table(&texts(&["id", "code", "s"]), &rows, None);
        assert_eq!(
            shown,
            "id  code    s\n──  ──────  ─\n1   港の灯  x\n22  e\u{301}te\n3   a b     y\n"
        );
    }

    #[test]
    fn what_is_too_wide_is_cut_between_letters() {
        let rows = [texts(&["1", "港の灯の物語はここから", "x"])];
        let shown = table(&texts(&["id", "code", "s"]), &rows, Some(17));
        assert!(shown.lines().all(|line| line.width() <= 17), "{shown}");
        assert!(shown.contains("港の灯の…"), "{shown}");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
