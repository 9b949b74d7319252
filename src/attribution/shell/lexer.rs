//! The words and operators of a script, as bash splits it.

use super::escapes::unescape;

/// How deep substitutions are read.
const MAX_DEPTH: usize = 24;

/// A piece of a script.
#[derive(Clone, Debug)]
pub(super) enum Token {
    Word(Word),
    Redirect(Redirect),
    /// The end of a command; whether the next one reads its output.
    End {
        is_pipe: bool,
    },
    /// The start of a subshell.
    Open,
    /// The end of a subshell.
    Close,
    /// The end of words that run nothing: the pattern of a `case`, the name of a function.
    Pattern,
}

/// A word without its quotes.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    /// Its text; an expansion stands in it as it is written.
    pub(super) text: String,
    /// The expansions in it.
    pub(super) holes: Vec<Hole>,
    /// Whether it is a pattern for names of files.
    pub(super) is_glob: bool,
    /// Whether any of it is quoted, so that it is no reserved word.
    pub(super) is_quoted: bool,
    /// The scripts that it substitutes.
    pub(super) scripts: Vec<Vec<Token>>,
}

impl Word {
    /// Whether only running the script would tell what it is.
    pub(super) fn is_open(&self) -> bool {
        self.is_glob || !self.holes.is_empty()
    }

    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// An expansion: where its text is, and the variable if it is just that.
#[derive(Clone, Debug)]
pub(super) struct Hole {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) name: Option<String>,
}

/// A redirection.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    pub(super) kind: Kind,
    /// The file, or the text of a here-string, or the delimiter.
    pub(super) target: Word,
    /// Whether it is that of the standard output.
    pub(super) is_output: bool,
    /// The here-document.
    pub(super) body: Option<String>,
}

/// What a redirection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Append,
    Document,
    Text,
}

/// Splits a script. The flag tells whether all of it was read.
pub(super) fn tokens(text: &str) -> (Vec<Token>, bool) {
    let mut lexer = Lexer { text, at: 0, depth: 0, is_whole: true };
    let mut found = Vec::new();
    while lexer.at < text.len() {
        let mut level = Level::default();
        lexer.level(&mut level);
        found.append(&mut level.tokens);
        // A `)` too many.
        lexer.at += 1;
    }
    (found, lexer.is_whole)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    is_whole: bool,
}

/// What is known while a script, or one in it, is read.
#[derive(Default)]
struct Level {
    tokens: Vec<Token>,
    nesting: Vec<Nesting>,
    /// Whether a word is the first of a command.
    is_inside_command: bool,
    /// Whether the pattern of a `case` is next.
    is_pattern: bool,
    /// Whether `[[` has begun.
    is_condition: bool,
    documents: Vec<Document>,
}

#[derive(PartialEq, Eq)]
enum Nesting {
    Subshell,
    Case,
}

/// A here-document that begins on the next line.
struct Document {
    token: usize,
    delimiter: String,
    is_literal: bool,
    is_indented: bool,
}

impl Level {
    fn end(&mut self, is_pipe: bool) {
        self.tokens.push(Token::End { is_pipe });
        self.is_inside_command = false;
    }

    fn word(&mut self, word: Word) {
        let is_plain = !word.is_quoted && !word.is_open();
        let text = if is_plain { word.text.as_str() } else { "" };
        let is_case = self.nesting.last() == Some(&Nesting::Case);
        if is_case && text == "esac" && (self.is_pattern || !self.is_inside_command) {
            self.nesting.pop();
            self.is_pattern = false;
            self.end(false);
        } else if is_case && text == "in" && self.is_inside_command {
            self.is_pattern = true;
        } else if text == "case" && !self.is_inside_command {
            self.nesting.push(Nesting::Case);
        }
        self.is_condition = (self.is_condition || text == "[[" && !self.is_inside_command) && text != "]]";
        let opens = ["if", "then", "else", "elif", "while", "until", "do", "!", "{", "time"].contains(&text);
        self.is_inside_command = self.is_inside_command || !opens;
        self.tokens.push(Token::Word(word));
    }
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn is_next(&self, text: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(text.as_bytes())
    }

    /// Goes to what comes after a text, or to the end.
    fn skip_past(&mut self, text: &str) {
        let rest = &self.text[self.at..];
        self.at += rest.find(text).map_or(rest.len(), |at| at + text.len());
    }

    /// Reads up to the `)` that ends the level.
    fn level(&mut self, level: &mut Level) {
        while self.at < self.text.len() {
            match self.peek(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == b'\n' => self.at += 2,
                b'#' => self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at),
                b'\n' => {
                    self.at += 1;
                    self.documents(level);
                    level.end(false);
                }
                b'|' | b'(' if level.is_pattern => self.at += 1,
                b'|' | b'&' | b'(' | b')' | b'<' | b'>' if level.is_condition => self.at += 1,
                b')' if level.nesting.is_empty() => return,
                b';' | b'|' | b'&' | b'(' | b')' => self.operator(level),
                b'<' | b'>' if self.peek(1) != b'(' => self.redirect(level),
                _ => self.word_or_descriptor(level),
            }
        }
    }

    fn operator(&mut self, level: &mut Level) {
        let (first, second) = (self.peek(0), self.peek(1));
        self.at += 1;
        match (first, second) {
            (b'&', b'>') => {
                self.at -= 1;
                self.redirect(level);
            }
            (b';', b';' | b'&') => {
                self.at += usize::from(second == b';' && self.peek(1) == b'&') + 1;
                level.is_pattern = level.nesting.last() == Some(&Nesting::Case);
                level.end(false);
            }
            (b'|', b'|') | (b'&', b'&') => {
                self.at += 1;
                level.end(false);
            }
            (b'|', _) => {
                self.at += usize::from(second == b'&');
                level.end(true);
            }
            (b'(', b'(') if !level.is_inside_command => self.skip_past("))"),
            (b'(', b')') => {
                self.at += 1;
                level.tokens.push(Token::Pattern);
                level.is_inside_command = false;
            }
            (b'(', _) => {
                level.tokens.push(Token::Open);
                level.nesting.push(Nesting::Subshell);
                level.is_inside_command = false;
            }
            (b')', _) if level.nesting.last() == Some(&Nesting::Case) => {
                level.tokens.push(Token::Pattern);
                level.is_pattern = false;
                level.is_inside_command = false;
            }
            (b')', _) => {
                level.nesting.pop();
                level.tokens.push(Token::Close);
                level.is_inside_command = true;
            }
            _ => level.end(false),
        }
    }

    fn word_or_descriptor(&mut self, level: &mut Level) {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if (1..=2).contains(&digits) && matches!(self.peek(digits), b'<' | b'>') && !level.is_condition {
            let is_output = digits == 1 && self.peek(0) == b'1';
            self.at += digits;
            let before = level.tokens.len();
            self.redirect(level);
            if let Some(Token::Redirect(redirect)) = level.tokens.get_mut(before) {
                redirect.is_output = is_output;
            }
            return;
        }
        let start = self.at;
        let word = self.word();
        // Whatever comes, the next step begins further on.
        if self.at == start {
            self.at += 1;
        }
        level.word(word);
    }

    fn redirect(&mut self, level: &mut Level) {
        let operators = ["&>>", "&>", "<<<", "<<-", "<<", "<>", "<&", "<", ">>", ">|", ">&", ">"];
        let operator = operators.into_iter().find(|operator| self.is_next(operator)).unwrap_or(">");
        self.at += operator.len();
        while matches!(self.peek(0), b' ' | b'\t') || self.is_next("\\\n") {
            self.at += if self.peek(0) == b'\\' { 2 } else { 1 };
        }
        let target = self.word();
        let is_descriptor = target.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let kind = match operator {
            ">&" | "<&" if is_descriptor => return,
            ">>" | "&>>" => Kind::Append,
            "<<<" => Kind::Text,
            "<<" | "<<-" => Kind::Document,
            "<" | "<&" => Kind::Read,
            _ => Kind::Write,
        };
        if kind == Kind::Document {
            level.documents.push(Document {
                token: level.tokens.len(),
                delimiter: target.text.clone(),
                is_literal: target.is_quoted,
                is_indented: operator == "<<-",
            });
        }
        level.tokens.push(Token::Redirect(Redirect { kind, target, is_output: true, body: None }));
    }

    /// Reads the here-documents that begin on this line.
    fn documents(&mut self, level: &mut Level) {
        for document in std::mem::take(&mut level.documents) {
            let mut body = String::new();
            while self.at < self.text.len() {
                let rest = &self.text[self.at..];
                let line = &rest[..rest.find('\n').map_or(rest.len(), |end| end + 1)];
                let shown = if document.is_indented { line.trim_start_matches('\t') } else { line };
                let is_end = shown.trim_end_matches(['\n', '\r']) == document.delimiter;
                // In a substitution the delimiter may share its line with the `)`.
                let is_closed = self.depth > 0
                    && shown.strip_prefix(document.delimiter.as_str()).is_some_and(|rest| rest.starts_with(')'));
                self.at += if is_closed { line.len() - shown.len() + document.delimiter.len() } else { line.len() };
                if is_end || is_closed {
                    break;
                }
                body.push_str(shown);
            }
            if let Some(Token::Redirect(redirect)) = level.tokens.get_mut(document.token) {
                redirect.body = Some(if document.is_literal { body } else { without_escapes(&body) });
            }
        }
    }

    /// Reads the script in `$(…)` up to its end.
    fn nested(&mut self) -> Vec<Token> {
        if self.depth >= MAX_DEPTH {
            self.is_whole = false;
            self.at = self.text.len();
            return Vec::new();
        }
        self.depth += 1;
        let mut level = Level::default();
        self.level(&mut level);
        self.at = (self.at + 1).min(self.text.len());
        self.depth -= 1;
        level.tokens
    }
}

/// An unquoted here-document: `\$`, `` \` `` and `\\` stand for themselves, and lines can be joined.
fn without_escapes(body: &str) -> String {
    let mut found = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        found.push_str(&rest[..at]);
        match rest.as_bytes().get(at + 1) {
            Some(b'\n') => {}
            Some(byte @ (b'$' | b'`' | b'\\')) => found.push(char::from(*byte)),
            _ => {
                found.push('\\');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 2..];
    }
    found.push_str(rest);
    found
}

impl Lexer<'_> {
    fn word(&mut self) -> Word {
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
            b'\'' if !is_quoted => {
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
            let script = without_escapes(&self.text[from + 1..end]);
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
