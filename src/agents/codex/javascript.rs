//! Walks through the text of a script: blanks, names, strings, and what may look like one.

use std::collections::HashMap;

use serde_json::Value;

/// A place in a script, and what its variables are known to hold.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: u8,
    /// How many blocks are open.
    pub(super) blocks: usize,
    /// How many were open where the expressions in templates began that are being read.
    templates: Vec<usize>,
    /// The variables, with the number of blocks around them; `None` for a value that only running would tell.
    pub(super) variables: HashMap<String, (usize, Option<Value>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, blocks: 0, templates: Vec::new(), variables: HashMap::new() }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Passes over one character.
    pub(super) fn bump(&mut self) {
        match self.peek() {
            Some(b'{') => self.blocks += 1,
            Some(b'}') if self.templates.last() == Some(&self.blocks) => {
                self.templates.pop();
                return self.skip_characters(b'`');
            }
            Some(b'}') => self.blocks = self.blocks.saturating_sub(1),
            _ => {}
        }
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    /// Passes over white space and comments.
    pub(super) fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let end = if trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                trimmed.match_indices("*/").find(|(at, _)| *at > 1).map_or(trimmed.len(), |(end, _)| end + 2)
            } else {
                return;
            };
            self.at += end;
        }
    }

    /// Whether `byte` comes next, white space and comments aside.
    pub(super) fn is_next(&mut self, byte: u8) -> bool {
        self.skip_blank();
        self.peek() == Some(byte)
    }

    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        let found = self.is_next(byte);
        self.at += usize::from(found);
        found.then_some(())
    }

    /// Whether what comes next is a member of what came before.
    pub(super) fn follows_dot(&self) -> bool {
        let before = self.text[..self.at].trim_end();
        before.ends_with('.') && !before.ends_with("..")
    }

    /// Passes over a name; empty where there is none.
    pub(super) fn name(&mut self) -> String {
        self.skip_blank();
        let rest = self.rest();
        let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '$');
        let end = rest.find(|char: char| !is_part(char)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    /// Passes over `.name` or `["name"]`.
    pub(super) fn member(&mut self) -> Option<String> {
        self.skip_blank();
        let is_optional = self.rest().starts_with("?.");
        self.at += 2 * usize::from(is_optional);
        if self.take(b'[').is_some() {
            let Value::String(name) = self.value()? else { return None };
            return self.take(b']').map(|()| name);
        }
        if !is_optional {
            self.take(b'.')?;
        }
        Some(self.name()).filter(|name| !name.is_empty())
    }

    /// Passes over what opens the arguments of a call.
    pub(super) fn take_opening(&mut self) -> bool {
        self.skip_blank();
        self.at += 2 * usize::from(self.rest().starts_with("?.("));
        self.take(b'(').is_some()
    }

    /// Passes over a single `=`.
    pub(super) fn take_equals(&mut self) -> bool {
        self.skip_blank();
        let rest = self.rest();
        let found = rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>");
        self.at += usize::from(found);
        found
    }

    /// Passes over a regular expression, or over the sign of a division.
    pub(super) fn skip_slash(&mut self) {
        let before = self.text[..self.at].trim_end();
        let is_division = before.ends_with(|char: char| char.is_alphanumeric() || "_$)]\"'`".contains(char))
            && !before.ends_with("return");
        self.at += 1;
        if is_division {
            return;
        }
        let (mut is_escaped, mut in_class) = (false, false);
        let end = self.rest().find(|char| {
            let is_end = char == '\n' || (char == '/' && !is_escaped && !in_class);
            in_class = !is_escaped && (char == '[' || (in_class && char != ']')) || (is_escaped && in_class);
            is_escaped = char == '\\' && !is_escaped;
            is_end
        });
        self.at += end.map_or(self.rest().len(), |end| end + 1);
    }

    /// Passes over a string: of a template, to its first expression.
    pub(super) fn skip_string(&mut self) {
        if let Some(quote) = self.peek() {
            self.skip_characters(quote);
        }
    }

    /// Passes over one character, and all that follow to the quote, or to the next expression of a template.
    fn skip_characters(&mut self, quote: u8) {
        let (mut is_escaped, mut is_dollar, mut is_expression) = (false, false, false);
        let end = self.rest()[1..].bytes().position(|byte| {
            is_expression = is_dollar && byte == b'{';
            let is_end = !is_escaped && (byte == quote || is_expression);
            is_dollar = quote == b'`' && byte == b'$' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        });
        self.at = end.map_or(self.text.len(), |end| self.at + end + 2);
        if is_expression && end.is_some() {
            self.templates.push(self.blocks);
        }
    }

    /// Forgets what is listed here, where `mark` comes behind it: the parameters of a function, of which only
    /// running would tell what they hold.
    pub(super) fn forget_parameters(&mut self, mark: &str) {
        let list = &self.rest()[1..];
        let is_part = |char: char| char.is_alphanumeric() || char.is_whitespace() || "_$,{}:.=".contains(char);
        let end = list.find(|char: char| !is_part(char)).unwrap_or(list.len());
        let after = list[end..].strip_prefix(')').map(str::trim_start);
        if after.is_some_and(|after| after.starts_with(mark)) {
            for name in list[..end].split(|char: char| !(char.is_alphanumeric() || "_$".contains(char))) {
                self.forget(name);
            }
        }
    }

    /// Notes that only running would tell what a variable holds.
    pub(super) fn forget(&mut self, name: &str) {
        self.variables.insert(name.to_owned(), (self.blocks, None));
    }

    /// Passes over `{ one, two: three }`, names that are taken out of an object, with what they are called.
    pub(super) fn pattern(&mut self) -> Option<Vec<(String, String)>> {
        let mut names = Vec::new();
        self.take(b'{')?;
        while self.take(b'}').is_none() {
            let member = self.name();
            let name = if self.take(b':').is_some() { self.name() } else { member.clone() };
            if name.is_empty() {
                return None;
            }
            names.push((member, name));
            if self.take(b',').is_none() && !self.is_next(b'}') {
                return None;
            }
        }
        Some(names)
    }
}

pub(super) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$')
}
