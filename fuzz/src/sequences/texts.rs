//! Texts of every kind, as C gives them. They live until the call is over, and not longer: what is passed in is copied.

use std::ffi::{CString, c_char};
use std::path::PathBuf;
use std::ptr::null;
use std::sync::LazyLock;

use shotgrid::client::methods;

use super::site;
use crate::input::Input;

/// What nobody may find in a message.
pub(super) const SECRET: &str = "FUZZ-SECRET";

/// A folder for the files of the sequences.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("libshotgrid-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    std::fs::write(folder.join("upload.png"), b"no picture at all").expect("the folder can be written");
    folder
});

/// The texts of one call.
#[derive(Default)]
pub(super) struct Texts(Vec<CString>);

/// A text with its length: it may hold NUL, and the length may lie.
pub(super) struct Span(pub *const c_char, pub usize);

impl Texts {
    /// The call is over, and with it its texts.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn keep(&mut self, text: impl Into<Vec<u8>>) -> *const c_char {
        let mut bytes: Vec<u8> = text.into();
        bytes.retain(|byte| *byte != 0);
        let text = CString::new(bytes).expect("there is no NUL left");
        let pointer = text.as_ptr();
        self.0.push(text);
        pointer
    }

    /// Mostly an ordinary text; now and then none, an empty or a huge one, or one that is not UTF-8.
    pub(super) fn any(&mut self, input: &mut Input<'_>) -> *const c_char {
        match input.below(10) {
            0 => self.keep("code"),
            1 => self.keep(""),
            2 => self.keep(b"\xff\xfe not UTF-8 \xc3".to_vec()),
            3 => self.keep("huge ".repeat(20_000)),
            4 => null(),
            5 => self.keep("/0/code"),
            6 => self.keep("\u{1f3ac} \u{7f}\r\n\"\\"),
            _ => self.keep(input.bytes()),
        }
    }

    /// A file that is there, or is not.
    pub(super) fn path(&mut self, input: &mut Input<'_>) -> *const c_char {
        let there = FOLDER.join("upload.png");
        match input.below(4) {
            0 => self.keep(there.to_string_lossy().into_owned()),
            1 => self.keep(FOLDER.join("nowhere.pem").to_string_lossy().into_owned()),
            _ => self.any(input),
        }
    }

    /// Where no file can be made: the path of one that is there, or in a folder that is not.
    pub(super) fn taken_path(&mut self, input: &mut Input<'_>) -> *const c_char {
        match input.below(4) {
            0 => self.keep(FOLDER.join("upload.png").to_string_lossy().into_owned()),
            1 => self.keep(FOLDER.join("nowhere/new").to_string_lossy().into_owned()),
            2 => self.keep(""),
            _ => null(),
        }
    }

    /// A credential. Where it is whole, no message may repeat it.
    pub(super) fn secret(&mut self, input: &mut Input<'_>) -> *const c_char {
        if input.one_in(8) {
            self.any(input)
        } else {
            self.keep(format!("{SECRET}-KEY"))
        }
    }

    /// Mostly the site's address. Whatever else it is, it leads to this machine or nowhere: no name is ever looked up.
    pub(super) fn address(&mut self, input: &mut Input<'_>) -> *const c_char {
        if !input.one_in(8) {
            return self.keep(site::url().into_bytes());
        }
        let scheme = input.pick(&["http://", "https://", "", "//", "ftp://", "HTTP://", "http:"]);
        let host = input.pick(&["127.0.0.1", "[::1]", "127.1", "0x7f000001", "", "[", "127.0.0.1 "]);
        let port = input.pick(&[":", ":0", ":99999", ":x", ""]);
        let tail = input.pick(&["", "/", "/page", "?q", "#f", "/\u{1}", "@", "/%ff"]);
        let port = if port == ":" {
            format!(":{}", site::port())
        } else {
            port.to_owned()
        };
        self.keep(format!("{scheme}{host}{port}{tail}"))
    }

    /// Mostly the name of a method.
    pub(super) fn method(&mut self, input: &mut Input<'_>) -> (*const c_char, &'static str) {
        if input.one_in(16) {
            let pointer = self.any(input);
            // Whatever stands there: no file is written for it.
            let named = self.0.last().is_some_and(|text| text.to_bytes() == b"download_attachment");
            return (pointer, if named { "download_attachment" } else { "" });
        }
        let place = input.below(methods().count());
        let name = methods().nth(place).expect("the place is below the count").name;
        (self.keep(name), name)
    }

    /// Mostly parameters that the method takes.
    pub(super) fn params(&mut self, method: &str, input: &mut Input<'_>) -> *const c_char {
        let writes_a_file = method == "download_attachment";
        match input.below(8) {
            1 => null(),
            2 => self.keep("{}"),
            3 => self.keep("[1"),
            // Files are written where these say, and nowhere else.
            4 | 5 if !writes_a_file => self.any(input),
            6 if !writes_a_file => self.keep(input.bytes()),
            _ => self.keep(example(method)),
        }
    }

    /// The same with a length.
    pub(super) fn params_n(&mut self, method: &str, input: &mut Input<'_>) -> Span {
        let text = self.params(method, input);
        self.span(text, input)
    }

    /// A text with its length, or with NULs in it, or with a length that no memory has.
    pub(super) fn span(&mut self, text: *const c_char, input: &mut Input<'_>) -> Span {
        let length = if text.is_null() {
            0
        } else {
            self.0.last().map_or(0, |text| text.as_bytes().len())
        };
        match input.below(8) {
            5 => Span(null(), 0),
            1 => Span(null(), 7),
            2 if !text.is_null() => Span(text, usize::MAX),
            // The NUL at the end belongs to it.
            3 if !text.is_null() => Span(text, length + 1),
            4 => Span(text, length / 2),
            _ => Span(text, length),
        }
    }
}

/// Parameters as docs/methods.md shows them, with files of this process.
fn example(method: &str) -> String {
    let there = FOLDER.join("upload.png").to_string_lossy().into_owned();
    match method {
        "upload" | "upload_thumbnail" | "upload_filmstrip_thumbnail" => format!("[\"Version\", 6944, {there:?}]"),
        "share_thumbnail" => format!("{{\"entities\": [{{\"type\": \"Shot\", \"id\": 862}}], \"thumbnail_path\": {there:?}}}"),
        "download_attachment" => {
            let path = FOLDER.join("download").to_string_lossy().into_owned();
            format!("{{\"attachment\": {{\"type\": \"Attachment\", \"id\": 4271}}, \"file_path\": {path:?}}}")
        }
        _ => methods()
            .find(|known| known.name == method)
            .map_or("{}", |known| known.example)
            .to_owned(),
    }
}
