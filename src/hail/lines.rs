//! Reads a log line by line in bounded memory, whatever the bytes are.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead, Read, Seek, SeekFrom},
};

use super::surrogates;

/// The longest line that is read as a record, in bytes: 16 MiB.
pub const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// How much of a line too long or too broken to read is kept as evidence, in bytes.
const EXCERPT_BYTES: usize = 200;

/// One non-blank line.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its 1-based number.
    pub number: u64,
    /// Whether it ends with a line feed: a log that is being written may not have got there yet.
    pub terminated: bool,
    /// Its text without line ending and byte order mark, or why there is none.
    pub text: Result<&'a str, LineFault>,
}

/// Why a line has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("the line is {bytes} bytes long, more than {MAX_LINE_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: u64,
        /// How it begins.
        excerpt: String,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {} of the line", valid_up_to + 1)]
    NotUtf8 {
        /// How many bytes are well-formed.
        valid_up_to: usize,
        /// The text, with U+FFFD in place of what is none, so that it can be redacted.
        text: String,
    },
}

/// What is wrong with a line that should be JSON: serde counts the lines of its input, which is this
/// one line only.
pub(crate) fn describe_json(fault: &serde_json::Error) -> String {
    fault.to_string().replacen(" at line 1 column ", " at column ", 1)
}

/// A reader of lines.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
    /// Where the next line begins, in bytes.
    offset: u64,
    /// How many bytes of the reader's own buffer the last line took: it is lent from there.
    lent: usize,
    /// A line that the reader's buffer does not hold as a whole.
    buffer: Vec<u8>,
    /// A line with half a surrogate pair in it, and something in its place.
    repaired: String,
}

impl<R: BufRead> Lines<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, offset: 0, lent: 0, buffer: Vec::new(), repaired: String::new() }
    }

    /// Reads what comes after so many lines of so many bytes.
    pub fn after(lines: u64, bytes: u64, reader: R) -> Self {
        Self { number: lines, offset: bytes, ..Self::new(reader) }
    }

    /// Where the next line begins, in bytes from the beginning of the log.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many lines were read, or come before those that were.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank, or `None` at the end.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.reader.consume(std::mem::take(&mut self.lent));
            let ahead = self.reader.fill_buf()?;
            if ahead.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            let whole = memchr::memchr(b'\n', ahead).filter(|end| *end as u64 <= MAX_LINE_BYTES);
            let is_blank = if let Some(end) = whole {
                self.lent = end + 1;
                self.offset += self.lent as u64;
                trimmed(&ahead[..end], self.number).is_empty()
            } else {
                if let Some(fault) = self.gather()? {
                    return Ok(Some(fault));
                }
                trimmed(&self.buffer, self.number).is_empty()
            };
            if !is_blank {
                break;
            }
        }
        let line = match self.lent {
            0 => self.buffer.as_slice(),
            lent => &self.reader.fill_buf()?[..lent],
        };
        let bytes = trimmed(line, self.number);
        let mut text = std::str::from_utf8(bytes).map_err(|fault| LineFault::NotUtf8 {
            valid_up_to: fault.valid_up_to(),
            text: String::from_utf8_lossy(bytes).into_owned(),
        });
        if let Ok(Cow::Owned(repaired)) = text.as_deref().map(surrogates::repaired) {
            self.repaired = repaired;
            text = Ok(&self.repaired);
        }
        Ok(Some(Line { number: self.number, terminated: line.ends_with(b"\n"), text }))
    }

    /// Reads what is left, at most `limit` bytes.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn rest(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        self.reader.consume(std::mem::take(&mut self.lent));
        let mut bytes = Vec::new();
        (&mut self.reader).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a line into the buffer, piece by piece, unless it is too long.
    fn gather(&mut self) -> io::Result<Option<Line<'static>>> {
        self.buffer.clear();
        let read = (&mut self.reader).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut self.buffer)?;
        self.offset += read as u64;
        if read as u64 <= MAX_LINE_BYTES || self.buffer.last() == Some(&b'\n') {
            return Ok(None);
        }
        let (rest, terminated) = skip_line(&mut self.reader)?;
        self.offset += rest;
        let excerpt = head(&String::from_utf8_lossy(&self.buffer[..EXCERPT_BYTES]));
        let fault = LineFault::TooLong { bytes: read as u64 + rest, excerpt };
        Ok(Some(Line { number: self.number, terminated, text: Err(fault) }))
    }
}

/// The beginning of a line, up to where a string or a word of it begins that may go on: what is left of a secret
/// would not be told from other letters any more.
fn head(excerpt: &str) -> String {
    let end = excerpt.rfind('"').or_else(|| excerpt.rfind(char::is_whitespace));
    end.map_or_else(String::new, |end| excerpt[..=end].to_owned())
}

/// A line without what is around its text; a byte order mark stands before the first only.
fn trimmed(line: &[u8], number: u64) -> &[u8] {
    let text = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    text.trim_ascii()
}

/// The end of the last complete line at or after `from`.
pub(crate) fn last_line_end(file: &mut File, from: u64) -> io::Result<u64> {
    const CHUNK: u64 = 64 * 1024;
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > from {
        let start = end.saturating_sub(CHUNK).max(from);
        let mut chunk = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(end - start).read_to_end(&mut chunk)?;
        if let Some(position) = memchr::memrchr(b'\n', &chunk) {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(from)
}

/// Skips to the end of the line; returns the bytes skipped and whether a line feed ended them.
fn skip_line(reader: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok((skipped, false));
        }
        if let Some(end) = memchr::memchr(b'\n', buffer) {
            reader.consume(end + 1);
            return Ok((skipped + end as u64 + 1, true));
        }
        let length = buffer.len();
        skipped += length as u64;
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::{LineFault, Lines, MAX_LINE_BYTES};

    fn texts(bytes: &[u8]) -> Vec<(u64, bool, Result<String, LineFault>)> {
        let mut lines = Lines::new(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().expect("memory does not fail") {
            all.push((line.number, line.terminated, line.text.map(str::to_owned)));
        }
        all
    }

    #[test]
    fn strips_byte_order_mark_and_carriage_returns_and_skips_blank_lines() {
        assert_eq!(
            texts(b"\xef\xbb\xbf{}\r\n\r\n  \n[1]"),
            [(1, true, Ok("{}".to_owned())), (4, false, Ok("[1]".to_owned()))]
        );
    }

    #[test]
    fn a_line_is_the_same_however_the_bytes_come_in() {
        let bytes = b"\xef\xbb\xbf{\"a\":1}\n\n  {\"b\":2} \r\n[3]\n4";
        for block in 1..bytes.len() {
            let mut lines = Lines::new(std::io::BufReader::with_capacity(block, bytes.as_slice()));
            let mut all = Vec::new();
            while let Some(line) = lines.next_line().expect("memory does not fail") {
                all.push((line.number, line.terminated, line.text.map(str::to_owned)));
            }
            assert_eq!(all, texts(bytes), "blocks of {block}");
        }
    }

    #[test]
    fn names_the_byte_that_is_not_utf8_and_goes_on() {
        let lines = texts(b"ab\xff\nok\n");
        assert!(matches!(lines[0].2, Err(LineFault::NotUtf8 { valid_up_to: 2, .. })));
        assert_eq!(lines[1], (2, true, Ok("ok".to_owned())));
    }

    #[test]
    fn passes_over_a_line_beyond_the_cap() {
        let mut bytes = vec![b'x'; usize::try_from(MAX_LINE_BYTES).expect("fits") + 10];
        bytes.extend_from_slice(b"\nok\n");
        let lines = texts(&bytes);
        assert!(matches!(lines[0].2, Err(LineFault::TooLong { bytes, .. }) if bytes == MAX_LINE_BYTES + 11));
        assert_eq!(lines[1].2, Ok("ok".to_owned()));
    }
}
