//! Reads the literals of JavaScript, and what is put together of them.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::script::is_name_start;

/// How deep literals may be nested.
const MAX_DEPTH: u8 = 64;

/// A place in a script, and what its variables are known to hold.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// How many blocks are open.
    blocks: usize,
    /// How many were open where the expressions in templates began that are being read.
    templates: Vec<usize>,
    /// The variables, with the number of blocks around them; `None` for a value that only running would tell.
    variables: HashMap<String, (usize, Option<Value>)>,
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

    fn rest(&self) -> &'a str {
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
                trimmed[2..].find("*/").map_or(trimmed.len(), |end| end + 4)
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

    fn take(&mut self, byte: u8) -> Option<()> {
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

    /// Reads what a variable that is declared holds.
    pub(super) fn declare(&mut self, name: String) {
        if !self.take_equals() {
            return self.forget(&name);
        }
        let value = self.whole_value();
        self.variables.insert(name, (self.blocks, value));
    }

    /// Reads what is assigned to a variable, or added to it.
    pub(super) fn assignment(&mut self, name: &str) {
        self.skip_blank();
        if self.rest().starts_with("=>") {
            return self.forget(name);
        }
        let is_addition = self.rest().starts_with("+=");
        if is_addition {
            self.at += 2;
        } else if !self.take_equals() {
            return;
        }
        let value = self.whole_value();
        let Some((blocks, known)) = self.variables.get_mut(name) else { return };
        // In a block it may happen never, or often.
        let is_certain = *blocks == self.blocks;
        *known = match (is_addition, known.take(), value) {
            (false, _, value) if is_certain => value,
            (true, Some(known), Some(value)) if is_certain => sum(&known, &value),
            _ => None,
        };
    }

    /// Reads a literal that is the whole of an expression; where it is not, nothing is passed over.
    fn whole_value(&mut self) -> Option<Value> {
        let start = self.at;
        let value = self.value();
        let end = self.at;
        self.skip_blank();
        let before = &self.text[..self.at];
        let is_new_line = before[before.trim_end().len()..].contains('\n');
        let is_whole = match self.peek() {
            None | Some(b';' | b',' | b')' | b'}') => true,
            Some(byte) => is_new_line && !b".+-*/%?:&|=<>[(`".contains(&byte),
        };
        let value = value.filter(|_| is_whole);
        self.at = if value.is_some() { end } else { start };
        value
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

    /// Reads a literal, or a sum of them.
    pub(super) fn value(&mut self) -> Option<Value> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH)?;
        let value = self.sum_of_values();
        self.depth -= 1;
        value
    }

    fn sum_of_values(&mut self) -> Option<Value> {
        let mut value = self.operand()?;
        loop {
            self.skip_blank();
            let rest = self.rest();
            if !rest.starts_with('+') || rest.starts_with("++") || rest.starts_with("+=") {
                return Some(value);
            }
            self.at += 1;
            let next = self.operand()?;
            value = sum(&value, &next)?;
        }
    }

    fn operand(&mut self) -> Option<Value> {
        self.skip_blank();
        let mut value = match self.peek()? {
            quote @ (b'"' | b'\'' | b'`') => self.string(quote, false).map(Value::String)?,
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'(' => {
                self.at += 1;
                let value = self.value()?;
                self.take(b')').map(|()| value)?
            }
            b'-' | b'0'..=b'9' => self.number()?,
            byte if is_name_start(byte) => self.named()?,
            _ => return None,
        };
        while self.is_next(b'.') {
            value = self.member_of(&value)?;
        }
        Some(value)
    }

    fn member_of(&mut self, value: &Value) -> Option<Value> {
        let name = self.member()?;
        match (name.as_str(), value) {
            ("join", Value::Array(items)) => {
                self.take(b'(')?;
                let glue = if self.is_next(b')') { ",".into() } else { self.value()? };
                self.take(b')')?;
                let items: Option<Vec<String>> = items.iter().map(text_of).collect();
                Some(Value::String(items?.join(glue.as_str()?)))
            }
            ("trim" | "trimStart" | "trimEnd", Value::String(text)) => {
                self.take(b'(')?;
                self.take(b')')?;
                let trimmed = match name.as_str() {
                    "trim" => text.trim(),
                    "trimStart" => text.trim_start(),
                    _ => text.trim_end(),
                };
                Some(trimmed.into())
            }
            (name, Value::Object(fields)) => fields.get(name).cloned(),
            _ => None,
        }
    }

    fn named(&mut self) -> Option<Value> {
        let name = self.name();
        match name.as_str() {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            "null" | "undefined" => Some(Value::Null),
            "String" if self.rest().starts_with(".raw`") => {
                self.at += ".raw".len();
                self.string(b'`', true).map(Value::String)
            }
            name => self.variables.get(name)?.1.clone(),
        }
    }

    fn object(&mut self) -> Option<Value> {
        let mut fields = Map::new();
        self.take(b'{')?;
        while self.take(b'}').is_none() {
            if self.rest().starts_with("...") {
                self.at += 3;
                let Value::Object(more) = self.value()? else { return None };
                fields.extend(more);
            } else {
                let key = match self.peek()? {
                    quote @ (b'"' | b'\'') => self.string(quote, false)?,
                    _ => Some(self.name()).filter(|name| !name.is_empty())?,
                };
                let value = match self.take(b':') {
                    Some(()) => self.value()?,
                    None => self.variables.get(&key)?.1.clone()?,
                };
                fields.insert(key, value);
            }
            if self.take(b',').is_none() && !self.is_next(b'}') {
                return None;
            }
        }
        Some(Value::Object(fields))
    }

    fn array(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        self.take(b'[')?;
        while self.take(b']').is_none() {
            items.push(self.value()?);
            if self.take(b',').is_none() && !self.is_next(b']') {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.rest();
        let is_part = |char: char| char.is_ascii_alphanumeric() || "_.".contains(char);
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let length = digits.find(|char: char| !is_part(char)).unwrap_or(digits.len());
        let spelled = rest[..rest.len() - digits.len() + length].replace('_', "");
        self.at += rest.len() - digits.len() + length;
        let number = match spelled.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok().map(Number::from),
            None => spelled.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(spelled.parse().ok()?)),
        };
        number.map(Value::Number)
    }

    /// Reads a string. In a raw one, escapes are plain text.
    fn string(&mut self, quote: u8, is_raw: bool) -> Option<String> {
        let mut units: Vec<u16> = Vec::new();
        self.at += 1;
        loop {
            let char = self.rest().chars().next()?;
            self.at += char.len_utf8();
            match char {
                _ if char == char::from(quote) => return Some(String::from_utf16_lossy(&units)),
                '\\' if is_raw => {
                    units.push(u16::from(b'\\'));
                    let next = self.rest().chars().next()?;
                    self.at += next.len_utf8();
                    units.extend(next.encode_utf16(&mut [0; 2]).iter());
                }
                '\\' => self.escape(&mut units)?,
                '\n' if quote != b'`' => return None,
                // In templates a line ends in one way only.
                '\r' if quote == b'`' && self.peek() == Some(b'\n') => {}
                '$' if quote == b'`' && self.peek() == Some(b'{') => {
                    self.at += 1;
                    let value = self.value()?;
                    self.take(b'}')?;
                    units.extend(text_of(&value)?.encode_utf16());
                }
                char => units.extend(char.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, units: &mut Vec<u16>) -> Option<()> {
        let char = self.rest().chars().next()?;
        self.at += char.len_utf8();
        let unit = match char {
            'n' => 0x0a,
            't' => 0x09,
            'r' => 0x0d,
            'b' => 0x08,
            'f' => 0x0c,
            'v' => 0x0b,
            '0' => 0x00,
            'x' => self.digits(2)?,
            'u' if self.peek() == Some(b'{') => {
                let end = self.rest().find('}')?;
                let code = u32::from_str_radix(&self.rest()[1..end], 16).ok()?;
                self.at += end + 1;
                units.extend(char::from_u32(code)?.encode_utf16(&mut [0; 2]).iter());
                return Some(());
            }
            'u' => self.digits(4)?,
            '\r' if self.peek() == Some(b'\n') => return Some(self.at += 1),
            '\n' | '\r' => return Some(()),
            char => {
                units.extend(char.encode_utf16(&mut [0; 2]).iter());
                return Some(());
            }
        };
        units.push(unit);
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<u16> {
        let unit = u16::from_str_radix(self.rest().get(..count)?, 16).ok()?;
        self.at += count;
        Some(unit)
    }
}

/// What `+` makes of two values, one of which has to be a string.
fn sum(one: &Value, other: &Value) -> Option<Value> {
    let is_text = one.is_string() || other.is_string();
    is_text.then(|| Some(Value::String(text_of(one)? + &text_of(other)?)))?
}

/// A value as a template shows it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
