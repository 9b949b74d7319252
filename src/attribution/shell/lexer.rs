//! Splits a command line into words, operators and redirections, as POSIX sh and bash do.

/// One piece of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(Word),
    /// Something that ends a command: `;`, `&&`, `|`, a line feed and the like.
    End,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// A redirection.
    Redirect(Redirect),
}

/// A word without its quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// The text; of an expansion, as it is written.
    pub(super) text: String,
    /// Whether the shell puts something in its place that the text does not tell.
    pub(super) is_dynamic: bool,
    /// Whether any of it was quoted.
    pub(super) is_quoted: bool,
    /// The scripts of `$(…)` and of backquotes in it.
    pub(super) scripts: Vec<String>,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    /// The operator without the number before it, such as `>>`.
    pub(super) operator: String,
    /// The file, or the text of a here-string.
    pub(super) target: Word,
    /// The text of a here-document.
    pub(super) body: Option<String>,
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    /// The here-documents whose text begins at the next line: their places among the tokens.
    waiting: Vec<usize>,
}

/// Splits a command line.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text: text.as_bytes(), at: 0, tokens: Vec::new(), waiting: Vec::new() };
    while lexer.at < lexer.text.len() {
        lexer.step();
    }
    lexer.tokens
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn step(&mut self) {
        match self.peek(0) {
            b'\n' => {
                self.at += 1;
                self.tokens.push(Token::End);
                self.bodies();
            }
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\\' if self.peek(1) == b'\n' => self.at += 2,
            b'#' => self.at += self.text[self.at..].iter().take_while(|byte| **byte != b'\n').count(),
            b'&' if self.peek(1) == b'>' => {
                self.at += 1;
                self.redirect();
            }
            b';' | b'|' | b'&' => {
                self.at += 1;
                self.tokens.push(Token::End);
            }
            b'(' => {
                self.at += 1;
                self.tokens.push(Token::Open);
            }
            b')' => {
                self.at += 1;
                self.tokens.push(Token::Close);
            }
            b'<' | b'>' if self.peek(1) == b'(' => {
                let script = self.substitution();
                let word = Word { is_dynamic: true, scripts: vec![script], ..Word::default() };
                self.tokens.push(Token::Word(word));
            }
            b'<' | b'>' => self.redirect(),
            b'0'..=b'9' if matches!(self.peek(1), b'<' | b'>') => {
                self.at += 1;
                self.redirect();
            }
            _ => {
                let word = self.word();
                self.tokens.push(Token::Word(word));
            }
        }
    }

    fn redirect(&mut self) {
        let rest = &self.text[self.at..];
        let operators: [&[u8]; 10] = [b"<<<", b"<<-", b"<<", b"<&", b"<>", b">>", b">&", b">|", b"<", b">"];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or(b">");
        self.at += operator.len();
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        let target = self.word();
        let operator = String::from_utf8_lossy(operator).into_owned();
        if operator == "<<" || operator == "<<-" {
            self.waiting.push(self.tokens.len());
        }
        self.tokens.push(Token::Redirect(Redirect { operator, target, body: None }));
    }

    /// Reads the here-documents that begin at this line.
    fn bodies(&mut self) {
        for place in std::mem::take(&mut self.waiting) {
            let Token::Redirect(redirect) = &self.tokens[place] else { continue };
            let (end, strips) = (redirect.target.text.clone(), redirect.operator == "<<-");
            let mut body = String::new();
            while self.at < self.text.len() {
                let line = &self.text[self.at..];
                let length = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
                let line = String::from_utf8_lossy(&line[..length]).into_owned();
                self.at = (self.at + length + 1).min(self.text.len());
                let line = if strips { line.trim_start_matches('\t') } else { &line };
                if line.trim_end_matches('\r') == end {
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            if let Token::Redirect(redirect) = &mut self.tokens[place] {
                redirect.body = Some(body);
            }
        }
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        let mut bytes: Vec<u8> = Vec::new();
        while self.at < self.text.len() {
            let byte = self.peek(0);
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'|' | b'&' | b'<' | b'>' | b'(' | b')' => break,
                b'\\' => {
                    if self.peek(1) != b'\n' && self.at + 1 < self.text.len() {
                        bytes.push(self.peek(1));
                    }
                    word.is_quoted = true;
                    self.at = (self.at + 2).min(self.text.len());
                }
                b'\'' => {
                    self.at += 1;
                    self.single(&mut bytes);
                    word.is_quoted = true;
                }
                b'"' => {
                    self.at += 1;
                    self.double(&mut bytes, &mut word);
                    word.is_quoted = true;
                }
                b'$' if self.peek(1) == b'\'' => {
                    self.at += 2;
                    self.ansi(&mut bytes);
                    word.is_quoted = true;
                }
                b'$' | b'`' => self.expansion(&mut bytes, &mut word),
                b'*' | b'?' | b'[' => {
                    word.is_dynamic = true;
                    bytes.push(byte);
                    self.at += 1;
                }
                _ => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        word.text = String::from_utf8_lossy(&bytes).into_owned();
        word
    }

    fn single(&mut self, bytes: &mut Vec<u8>) {
        while self.at < self.text.len() && self.peek(0) != b'\'' {
            bytes.push(self.peek(0));
            self.at += 1;
        }
        self.at = (self.at + 1).min(self.text.len());
    }

    fn double(&mut self, bytes: &mut Vec<u8>, word: &mut Word) {
        while self.at < self.text.len() && self.peek(0) != b'"' {
            match self.peek(0) {
                b'\\' if matches!(self.peek(1), b'"' | b'\\' | b'$' | b'`') => {
                    bytes.push(self.peek(1));
                    self.at += 2;
                }
                b'\\' if self.peek(1) == b'\n' => self.at += 2,
                b'$' | b'`' => self.expansion(bytes, word),
                byte => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at = (self.at + 1).min(self.text.len());
    }

    fn ansi(&mut self, bytes: &mut Vec<u8>) {
        while self.at < self.text.len() && self.peek(0) != b'\'' {
            if self.peek(0) == b'\\' && self.at + 1 < self.text.len() {
                bytes.push(match self.peek(1) {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => other,
                });
                self.at += 2;
            } else {
                bytes.push(self.peek(0));
                self.at += 1;
            }
        }
        self.at = (self.at + 1).min(self.text.len());
    }

    /// Reads `$x`, `${x}`, `$(…)` or a script in backquotes.
    fn expansion(&mut self, bytes: &mut Vec<u8>, word: &mut Word) {
        let start = self.at;
        if self.peek(0) == b'`' {
            let rest = &self.text[self.at + 1..];
            let length = rest.iter().position(|byte| *byte == b'`').unwrap_or(rest.len());
            word.scripts.push(String::from_utf8_lossy(&rest[..length]).into_owned());
            self.at = (self.at + length + 2).min(self.text.len());
        } else if self.peek(1) == b'(' {
            let script = self.substitution();
            word.scripts.push(script);
        } else if self.peek(1) == b'{' {
            let rest = &self.text[self.at..];
            self.at += rest.iter().position(|byte| *byte == b'}').map_or(rest.len(), |end| end + 1);
        } else {
            let name =
                self.text[self.at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
            self.at += 1 + name.count();
        }
        word.is_dynamic |= self.at > start + 1;
        bytes.extend_from_slice(&self.text[start..self.at]);
    }

    /// Reads the script between `(` and the `)` that ends it; quotes and here-documents in it are passed over.
    fn substitution(&mut self) -> String {
        self.at += 2;
        let (start, mut depth) = (self.at, 1_usize);
        while self.at < self.text.len() && depth > 0 {
            match self.peek(0) {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => self.at = (self.at + 1).min(self.text.len() - 1),
                quote @ (b'\'' | b'"') => {
                    self.at += 1;
                    while self.at < self.text.len() && self.peek(0) != quote {
                        self.at += if quote == b'"' && self.peek(0) == b'\\' { 2 } else { 1 };
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        let end = if depth == 0 { self.at - 1 } else { self.at };
        String::from_utf8_lossy(&self.text[start.min(end)..end]).into_owned()
    }
}
