//! Reads the literals of JavaScript, and what is put together of them.

use serde_json::{Map, Number, Value};

use super::javascript::{Reader, is_name_start};

/// How deep literals may be nested.
const MAX_DEPTH: u8 = 64;

impl Reader<'_> {
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
            '\r' if self.peek() == Some(b'\n') => {
                self.at += 1;
                return Some(());
            }
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
