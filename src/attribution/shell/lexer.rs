//! The words and operators of a script, as bash splits it.

use super::{
    escapes::unescape_document,
    token::{Kind, Redirect, Token, Word},
};

/// How deep substitutions are read.
pub(super) const MAX_DEPTH: usize = 24;

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

/// A reader of one script, and of those in it.
pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) is_whole: bool,
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
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn is_next(&self, text: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(text.as_bytes())
    }

    /// Goes to what comes after a text, or to the end.
    pub(super) fn skip_past(&mut self, text: &str) {
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
            (b'(' | b')', _) => self.parenthesis(level, first, second),
            _ => level.end(false),
        }
    }

    fn parenthesis(&mut self, level: &mut Level, first: u8, second: u8) {
        match (first, second) {
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
            _ => {
                level.nesting.pop();
                level.tokens.push(Token::Close);
                level.is_inside_command = true;
            }
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
                redirect.body = Some(if document.is_literal { body } else { unescape_document(&body) });
            }
        }
    }

    /// Reads the script in `$(…)` up to its end.
    pub(super) fn nested(&mut self) -> Vec<Token> {
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
