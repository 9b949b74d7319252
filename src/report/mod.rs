//! What a command answers, and the formats that render it.
//!
//! Commands build a [`Report`]; one value feeds the text for people and the JSON for programs, so
//! the two cannot disagree. A format is one file and one line in [`ALL`].

mod hail;
mod json;
mod json_lines;
mod markdown;
mod printable;
mod text;
mod view;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

pub use printable::{printable, single_line};
pub use view::{Align, Part, View, counted};

use crate::error::{Error, Result};

/// Every format; the first is the default.
pub static ALL: &[&dyn Format] = &[&text::Text, &json::Json, &json_lines::JsonLines, &markdown::Markdown, &hail::Hail];

/// A way of rendering a report.
pub trait Format: Sync {
    /// The value of `--format`.
    fn name(&self) -> &'static str;

    /// Writes `report` to `out`.
    ///
    /// # Errors
    /// Those of `out`, or when the report has no such form.
    fn render(&self, report: &mut Report, style: Style, out: &mut dyn Write) -> Result<()>;
}

/// How text is dressed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether colours are wanted.
    pub colour: bool,
    /// Whether it is written to a terminal.
    pub is_terminal: bool,
    /// The width of the terminal in columns, where it is one.
    pub width: Option<u16>,
}

/// A value that is an answer: the same for people and for programs.
pub trait Present {
    /// The value as JSON, of a documented shape.
    fn json(&self) -> Value;

    /// The value for people.
    fn view(&self) -> View;

    /// The value as Markdown, where that is more than its view.
    fn markdown(&self) -> Option<String> {
        None
    }
}

/// Implements [`Present`] by serialising for programs; the view is the type's own.
pub trait Describe: Serialize {
    /// The value for people.
    fn describe(&self) -> View;

    /// The value as Markdown, where that is more than its view.
    fn markdown(&self) -> Option<String> {
        None
    }
}

impl<T: Describe> Present for T {
    fn json(&self) -> Value {
        serde_json::to_value(self).expect("an answer has string keys only")
    }

    fn view(&self) -> View {
        self.describe()
    }

    fn markdown(&self) -> Option<String> {
        Describe::markdown(self)
    }
}

/// Writes the HAIL form of an answer.
pub type HailSource = Box<dyn FnOnce(&mut dyn Write) -> Result<()>>;

/// The answer of a command.
pub struct Report {
    answer: Box<dyn Present>,
    hail: Option<HailSource>,
    /// Remarks for standard error.
    pub notes: Vec<String>,
    /// What did not work, item by item, while the rest did.
    pub failures: Vec<Error>,
    /// Whether everything is as it should be: a check that found something wrong says no.
    pub is_good: bool,
    /// Whether the answer may be longer than a screen.
    pub is_long: bool,
    default_format: &'static str,
}

impl Report {
    /// An answer.
    #[must_use]
    pub fn new(answer: impl Present + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            hail: None,
            notes: Vec::new(),
            failures: Vec::new(),
            is_good: true,
            is_long: false,
            default_format: ALL[0].name(),
        }
    }

    /// Makes HAIL what is printed unless another format is asked for.
    #[must_use]
    pub fn prefer_hail(mut self) -> Self {
        self.default_format = "hail";
        self
    }

    /// The format for when none is asked for.
    #[must_use]
    pub fn default_format(&self) -> &'static dyn Format {
        by_name(self.default_format).unwrap_or(ALL[0])
    }

    /// Adds the HAIL form.
    #[must_use]
    pub fn with_hail(mut self, write: HailSource) -> Self {
        self.hail = Some(write);
        self
    }

    /// Renders the report.
    ///
    /// # Errors
    /// Those of `out`, or when the report has no form of that name.
    pub fn render(&mut self, format: &dyn Format, style: Style, out: &mut dyn Write) -> Result<()> {
        format.render(self, style, out)
    }

    /// Keeps only `fields` of the JSON objects of the answer.
    ///
    /// # Errors
    /// When an object of the answer has no such field.
    pub fn with_fields(self, fields: Vec<String>) -> Result<Self> {
        let json = self.answer.json();
        let first = json.as_array().map_or(Some(&json), |items| items.first());
        if let Some(Value::Object(known)) = first
            && let Some(unknown) = fields.iter().find(|field| !known.contains_key(*field))
        {
            let known: Vec<&str> = known.keys().map(String::as_str).collect();
            return Err(Error::usage(format!("there is no field '{unknown}'; there are {}", known.join(", "))));
        }
        Ok(Self { answer: Box::new(Selected { answer: self.answer, fields }), ..self })
    }
}

/// A plain text as an answer.
#[derive(Debug, Serialize)]
pub struct Message {
    /// The version of this shape.
    pub schema_version: u32,
    /// The text.
    pub message: String,
}

impl Message {
    /// Makes an answer of a text.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { schema_version: 1, message: message.into() }
    }
}

impl Describe for Message {
    fn describe(&self) -> View {
        View::default().raw(printable(&self.message))
    }
}

struct Selected {
    answer: Box<dyn Present>,
    fields: Vec<String>,
}

impl Present for Selected {
    fn json(&self) -> Value {
        let select = |value: Value| match value {
            Value::Object(mut map) => {
                let keep = |field: &String| Some((field.clone(), map.remove(field)?));
                Value::Object(self.fields.iter().filter_map(keep).collect())
            }
            other => other,
        };
        match self.answer.json() {
            Value::Array(items) => items.into_iter().map(select).collect(),
            other => select(other),
        }
    }

    fn view(&self) -> View {
        self.answer.view()
    }

    fn markdown(&self) -> Option<String> {
        self.answer.markdown()
    }
}

/// The names of all formats.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|format| format.name()).collect()
}

/// Finds a format by its name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Format> {
    ALL.iter().copied().find(|format| format.name() == name)
}

/// A renderer's own failures are failures of its output.
fn written(result: io::Result<()>) -> Result<()> {
    Ok(result?)
}
