//! A small document: what formats for people have in common.

/// A document for people.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the left, as text does.
    Left,
    /// At the right, as numbers do.
    Right,
}

/// One part of a document.
#[derive(Clone, Debug)]
pub enum Part {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
    /// Names with values.
    Pairs(Vec<(String, String)>),
    /// A table: its columns, then its rows.
    Table(Vec<(String, Align)>, Vec<Vec<String>>),
    /// A list.
    List(Vec<String>),
    /// Something to be shown as it is, with the name of its language.
    Code(&'static str, String),
    /// Text of this program that is its own layout already, such as a completion script.
    Raw(String),
}

impl View {
    /// Adds a heading.
    #[must_use]
    pub fn heading(self, text: impl Into<String>) -> Self {
        self.with(Part::Heading(text.into()))
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Part::Paragraph(text.into()))
    }

    /// Adds names with values; those with an empty value are left out.
    #[must_use]
    pub fn pairs<K: Into<String>, V: Into<String>>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let pairs = pairs.into_iter().map(|(key, value)| (key.into(), value.into()));
        self.with(Part::Pairs(pairs.filter(|(_, value): &(String, String)| !value.is_empty()).collect()))
    }

    /// Adds a table; a column's name that begins with `>` is a column of numbers.
    #[must_use]
    pub fn table(self, columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        let column = |name: &&str| match name.strip_prefix('>') {
            Some(name) => (name.to_owned(), Align::Right),
            None => ((*name).to_owned(), Align::Left),
        };
        self.with(Part::Table(columns.iter().map(column).collect(), rows))
    }

    /// Adds a list.
    #[must_use]
    pub fn list(self, items: Vec<String>) -> Self {
        self.with(Part::List(items))
    }

    /// Adds code.
    #[must_use]
    pub fn code(self, language: &'static str, text: impl Into<String>) -> Self {
        self.with(Part::Code(language, text.into()))
    }

    /// Adds text as it is.
    #[must_use]
    pub fn raw(self, text: impl Into<String>) -> Self {
        self.with(Part::Raw(text.into()))
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}

/// How many there are of something, in words: `1 session`, `2 sessions`.
#[must_use]
pub fn counted<N: std::fmt::Display + Copy + PartialEq + From<u8>>(number: N, what: &str) -> String {
    if number == N::from(1) { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_of_a_kind_is_not_many() {
        assert_eq!([0_usize, 1, 2].map(|number| counted(number, "log")), ["0 logs", "1 log", "2 logs"]);
    }
}
