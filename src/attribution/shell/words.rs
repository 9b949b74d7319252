//! Words, as bash puts them together from quotes and expansions.

use super::{
    escapes::{unescape, unescape_document},
    lexer::{Lexer, MAX_DEPTH},
    token::{Hole, Word},
};

impl Lexer<'_> {
    /// Reads a word.
    pub(super) fn word(&mut self) -> Word {
        let mut word = Word::default();
        let mut braces = 0_u8;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'<' | b'>' if word.text.is_empty() && !word.is_quoted && self.peek(1) == b'(' => {
                    self.script_hole(&mut word, 2);
                }
                b'(' if word.text.ends_with('=') && !word.is_quoted => self.script_hole(&mut word, 1),
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\\' => self.escaped(&mut word),
                b'\'' => {
                    self.at += 1;
                    let rest = &self.text[self.at..];
                    let end = rest.find('\'').unwrap_or(rest.len());
                    word.text.push_str(&rest[..end]);
                    self.at = (self.at + end + 1).min(self.text.len());
                    word.is_quoted = true;
                }
                b'"' => self.double(&mut word),
                b'$' => self.dollar(&mut word, false),
                b'`' => self.backtick(&mut word),
                byte => {
                    word.is_glob |=
                        matches!(byte, b'*' | b'?') || byte == b'[' && !matches!(self.peek(1), b' ' | b'[' | b'\n' | 0);
                    braces = match (braces, byte) {
                        (_, b'{') => 1,
                        (1, b',') => 2,
                        (2, b'}') => {
                            word.is_glob = true;
                            0
                        }
                        (braces, _) => braces,
                    };
                    self.plain(&mut word, b" \t\r\n;&|()<>\\'\"$`*?[{,}");
                }
            }
        }
        word
    }

    /// Takes one character, and those after it that mean nothing special.
    fn plain(&mut self, word: &mut Word, special: &[u8]) {
        let bytes = self.text.as_bytes();
        let rest = bytes[self.at + 1..].iter().take_while(|byte| !special.contains(byte)).count();
        word.text.push_str(&self.text[self.at..=self.at + rest]);
        self.at += 1 + rest;
    }

    fn escaped(&mut self, word: &mut Word) {
        self.at += 1;
        if let Some(char) = self.text[self.at..].chars().next() {
            self.at += char.len_utf8();
            if char != '\n' {
                word.text.push(char);
                word.is_quoted = true;
            }
        }
    }

    fn double(&mut self, word: &mut Word) {
        self.at += 1;
        word.is_quoted = true;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' if matches!(self.peek(1), b'$' | b'`' | b'"' | b'\\' | b'\n') => self.escaped(word),
                b'$' => self.dollar(word, true),
                b'`' => self.backtick(word),
                _ => self.plain(word, b"\"\\$`"),
            }
        }
    }

    /// Takes the text from a place up to here as an expansion.
    fn hole(&self, word: &mut Word, from: usize, name: Option<&str>) {
        let start = word.text.len();
        word.text.push_str(&self.text[from..self.at]);
        word.holes.push(Hole { start, end: word.text.len(), name: name.map(str::to_owned) });
    }

    fn script_hole(&mut self, word: &mut Word, opening: usize) {
        let from = self.at;
        self.at += opening;
        let script = self.nested();
        // The words of an array are no command.
        if opening == 2 {
            word.scripts.push(script);
        }
        self.hole(word, from, None);
    }

    fn dollar(&mut self, word: &mut Word, is_quoted: bool) {
        let (from, text) = (self.at, self.text);
        match self.peek(1) {
            b'\'' if !is_quoted => self.with_escapes(word),
            b'"' if !is_quoted => self.at += 1,
            b'(' if self.peek(2) == b'(' => {
                self.skip_past("))");
                self.hole(word, from, None);
            }
            b'(' => self.script_hole(word, 2),
            b'{' => {
                self.skip_past("}");
                let name = text[from + 2..self.at].trim_end_matches('}');
                self.hole(word, from, Some(name).filter(|name| name.chars().all(is_name)));
            }
            byte if is_name(char::from(byte)) && !byte.is_ascii_digit() => {
                let length = text[from + 1..].bytes().take_while(|byte| is_name(char::from(*byte))).count();
                self.at += 1 + length;
                self.hole(word, from, Some(&text[from + 1..self.at]));
            }
            b'0'..=b'9' | b'?' | b'#' | b'@' | b'*' | b'!' | b'$' | b'-' => {
                self.at += 2;
                self.hole(word, from, None);
            }
            _ => {
                word.text.push('$');
                self.at += 1;
            }
        }
    }

    /// Reads `$'…'`.
    fn with_escapes(&mut self, word: &mut Word) {
        let text = self.text;
        self.at += 2;
        let bytes = text.as_bytes();
        let start = self.at;
        while self.at < bytes.len() && bytes[self.at] != b'\'' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        let end = self.at.min(bytes.len());
        word.text.push_str(&unescape(text.get(start..end).unwrap_or_default()));
        word.is_quoted = true;
        self.at = (end + 1).min(bytes.len());
        while !text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn backtick(&mut self, word: &mut Word) {
        let (from, bytes) = (self.at, self.text.as_bytes());
        self.at += 1;
        while self.at < bytes.len() && bytes[self.at] != b'`' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        let mut end = self.at.min(bytes.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.at = (end + 1).min(bytes.len());
        if self.depth < MAX_DEPTH {
            let script = unescape_document(&self.text[from + 1..end]);
            let mut inner = Lexer { text: &script, at: 0, depth: self.depth + 1, is_whole: true };
            word.scripts.push(inner.nested());
            self.is_whole &= inner.is_whole;
        } else {
            self.is_whole = false;
        }
        self.hole(word, from, None);
    }
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}
