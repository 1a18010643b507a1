//! Looking for secrets in this process's own memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;

use zeroize::Zeroizing;

/// What hides a needle, so that whoever looks for it does not hold it in clear.
const VEIL: u8 = 0xa5;

/// A secret that is looked for, veiled.
#[derive(Clone)]
pub struct Needle {
    pub name: String,
    veiled: Vec<u8>,
}

impl Needle {
    pub fn new(name: &str, clear: &str) -> Needle {
        let veiled = clear.bytes().map(|byte| byte ^ VEIL).collect();
        Needle {
            name: name.to_owned(),
            veiled,
        }
    }

    /// As a line of text that another process reads.
    pub fn to_line(&self) -> String {
        let digits: String = self.veiled.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {digits}\n", self.name)
    }

    pub fn from_line(line: &str) -> Needle {
        let (name, digits) = line.trim().split_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        Needle {
            name: name.to_owned(),
            veiled: (0..digits.len()).step_by(2).map(byte).collect(),
        }
    }

    /// In clear and with a NUL, in memory that is wiped.
    pub fn clear(&self) -> Zeroizing<Vec<u8>> {
        let mut clear = Zeroizing::new(Vec::with_capacity(self.veiled.len() + 1));
        clear.extend(self.veiled.iter().map(|byte| byte ^ VEIL));
        clear.push(0);
        clear
    }
}

/// Where a needle was found.
pub struct Found {
    pub name: String,
    /// The region of memory, and what stands around, with every needle crossed out.
    pub place: String,
}

/// Every place in the writable memory of this process where a needle stands.
pub fn scan(needles: &[Needle]) -> Vec<Found> {
    const STEP: usize = 1 << 16;
    const OVERLAP: usize = 256;
    let mut window = vec![0u8; STEP + OVERLAP];
    let own = window.as_ptr() as u64..window.as_ptr() as u64 + window.len() as u64;
    let memory = File::open("/proc/self/mem").unwrap();
    let mut first = [false; 256];
    needles.iter().for_each(|needle| first[(needle.veiled[0] ^ VEIL) as usize] = true);
    let mut found = Vec::new();
    for region in BufReader::new(File::open("/proc/self/maps").unwrap()).lines().map(Result::unwrap) {
        let mut words = region.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        if !rights.starts_with("rw") || region.ends_with("[vvar]") {
            continue;
        }
        let mut at = start;
        while at < end {
            let wanted = (end - at).min(window.len() as u64) as usize;
            // A guard page at the end of a region cannot be read, and holds nothing.
            let Ok(read) = memory.read_at(&mut window[..wanted], at) else {
                break;
            };
            for place in 0..read.min(STEP) {
                if !first[window[place] as usize] || own.contains(&(at + place as u64)) {
                    continue;
                }
                for needle in needles.iter().filter(|needle| stands_at(&window[..read], place, needle)) {
                    let around = surroundings(&window[..read], place, needles);
                    found.push(Found {
                        name: needle.name.clone(),
                        place: format!("{region} +{:#x}: {around}", at + place as u64 - start),
                    });
                }
            }
            at += STEP as u64;
        }
    }
    window.fill(0);
    // Not left out by the compiler, for it is printed.
    let _ = std::io::sink().write(&window);
    found
}

fn stands_at(bytes: &[u8], place: usize, needle: &Needle) -> bool {
    let here = bytes.get(place..place + needle.veiled.len());
    here.is_some_and(|here| here.iter().zip(&needle.veiled).all(|(byte, veiled)| byte ^ VEIL == *veiled))
}

fn surroundings(bytes: &[u8], place: usize, needles: &[Needle]) -> String {
    const AROUND: usize = 100;
    let (from, to) = (place.saturating_sub(AROUND), (place + 2 * AROUND).min(bytes.len()));
    let mut text = String::new();
    let mut at = from;
    while at < to {
        match needles.iter().find(|needle| stands_at(bytes, at, needle)) {
            Some(needle) => {
                text.push_str(&format!("<{}>", needle.name));
                at += needle.veiled.len();
            }
            None => {
                let byte = bytes[at];
                text.push(if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' });
                at += 1;
            }
        }
    }
    text
}
