//! Reading a text while it comes.

use super::reader::Reader;
use super::{Document, SyntaxError};

/// What was read of a text that is still coming.
///
/// The system that brings the text and the one that sends it need their time, which is used here; and what has just come is in the nearest
/// cache.
pub struct Reading {
    /// The most nodes that the text may have.
    most: usize,
    reader: Option<Box<Reader>>,
    /// Nothing is read before there is so much text.
    due: usize,
    /// Whether it is no JSON, whatever comes. That is said at the end.
    is_wrong: bool,
}

impl Reading {
    /// So much text is worth looking at again.
    const STEP: usize = 32 * 1024;

    /// Of a text of at most so many nodes: small values take more memory than text.
    pub fn within(most: usize) -> Reading {
        Reading {
            most,
            reader: None,
            due: Reading::STEP,
            is_wrong: false,
        }
    }

    /// The most nodes that the text may have.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How far it has read.
    #[cfg(test)]
    pub fn at(&self) -> usize {
        self.reader.as_ref().map_or(0, |reader| reader.at())
    }

    /// Reads on in what there is of a text that will probably have so many bytes.
    #[inline]
    pub fn go_on(&mut self, text: &[u8], length: usize) {
        if text.len() >= self.due && !self.is_wrong {
            self.read(text, length);
        }
    }

    fn read(&mut self, text: &[u8], length: usize) {
        let most = self.most;
        let reader = self.reader.get_or_insert_with(|| Box::new(Reader::new(length, most)));
        self.is_wrong = !reader.go_on(text, length);
        // A long value is begun again each time.
        let unread = text.len() - reader.at().min(text.len());
        self.due = text.len() + unread.max(Reading::STEP);
    }

    /// Reads the rest of a text of which there is all, and makes it a document. It must be one JSON value.
    pub fn finish(self, text: Vec<u8>) -> Result<Document, SyntaxError> {
        let text = String::from_utf8(text).map_err(|error| SyntaxError::not_utf8(error.utf8_error()))?;
        let tape = match self.reader {
            Some(reader) => reader.finish(text.as_bytes())?,
            None => Reader::new(text.len(), self.most).finish(text.as_bytes())?,
        };
        Ok(Document::new(text, tape, 0))
    }
}

#[cfg(feature = "fuzzing")]
impl Document {
    /// As [`Document::parse`], of a text that comes in pieces of so many bytes, each of which is read at once.
    pub fn parse_in_pieces(text: Vec<u8>, piece: usize) -> Result<Document, SyntaxError> {
        let mut reading = Reading::within(usize::MAX);
        for end in (piece..text.len()).step_by(piece) {
            reading.due = end;
            reading.go_on(text.get(..end).unwrap_or_default(), text.len());
        }
        reading.finish(text)
    }
}

#[cfg(test)]
mod tests;
