//! Markdown, for notes, reviews and chats.

use std::io::Write;

use super::{Align, Format, Part, Report, Style, printable, single_line, written};
use crate::error::Result;

/// The Markdown format.
pub(super) struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn render(&self, report: &mut Report, _: Style, out: &mut dyn Write) -> Result<()> {
        if let Some(text) = report.answer.markdown() {
            return written(out.write_all(text.as_bytes()));
        }
        let mut text = String::new();
        for part in &report.answer.view().parts {
            if !text.is_empty() {
                text.push('\n');
            }
            write_part(&mut text, part);
        }
        written(out.write_all(text.as_bytes()))
    }
}

fn write_part(text: &mut String, part: &Part) {
    let mut line = |content: &str| {
        text.push_str(content);
        text.push('\n');
    };
    match part {
        Part::Heading(heading) => line(&format!("## {}", inline(heading))),
        Part::Paragraph(paragraph) => line(&inline(paragraph)),
        Part::Pairs(pairs) => {
            for (key, value) in pairs {
                line(&format!("- **{}**: {}", inline(key), inline(value)));
            }
        }
        Part::List(items) => items.iter().for_each(|item| line(&format!("- {}", inline(item)))),
        Part::Table(columns, rows) => {
            line(&row(columns.iter().map(|(name, _)| name.as_str())));
            let rule = |align: &Align| if *align == Align::Right { "---:" } else { "---" };
            let rules: Vec<&str> = columns.iter().map(|(_, align)| rule(align)).collect();
            line(&format!("| {} |", rules.join(" | ")));
            for cells in rows {
                line(&row(cells.iter().map(String::as_str)));
            }
        }
        Part::Code(language, code) => {
            // The fence must be longer than any run of backticks inside.
            let longest = code.split(|character| character != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(longest.max(2) + 1);
            line(&format!("{fence}{language}\n{}\n{fence}", printable(code).trim_end_matches('\n')));
        }
        Part::Raw(raw) => line(raw.trim_end_matches('\n')),
    }
}

fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(|cell| inline(cell).replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}

/// Escapes what would be markup or HTML.
fn inline(text: &str) -> String {
    let mut escaped = String::new();
    for character in single_line(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Part, write_part};

    #[test]
    fn escapes_markup_html_and_fences_in_content() {
        let mut text = String::new();
        write_part(&mut text, &Part::Paragraph("<img onerror=x> [a](javascript:b) `c`".to_owned()));
        assert_eq!(text, "&lt;img onerror=x> \\[a\\](javascript:b) \\`c\\`\n");
        text.clear();
        write_part(&mut text, &Part::Code("sh", "```\nx".to_owned()));
        assert_eq!(text, "````sh\n```\nx\n````\n");
    }
}
