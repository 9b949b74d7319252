//! Text for a terminal, or for anything that reads lines.

use std::io::Write;

use anstyle::{AnsiColor, Effects};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{Align, Format, Part, Report, Style, printable, single_line, written};
use crate::error::Result;

/// The text format.
pub(super) struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn render(&self, report: &mut Report, style: Style, out: &mut dyn Write) -> Result<()> {
        let mut text = String::new();
        for part in &report.answer.view().parts {
            if !text.is_empty() && matches!(part, Part::Heading(_)) {
                text.push('\n');
            }
            write_part(&mut text, part, style);
        }
        written(out.write_all(text.as_bytes()))
    }
}

fn write_part(text: &mut String, part: &Part, style: Style) {
    let mut line = |content: &str| {
        text.push_str(content);
        text.push('\n');
    };
    match part {
        Part::Heading(heading) => line(&dressed(&single_line(heading), style)),
        Part::Paragraph(paragraph) => line(&printable(paragraph)),
        Part::List(items) => items.iter().for_each(|item| line(&format!("  {}", single_line(item)))),
        Part::Pairs(pairs) => {
            let width = pairs.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
            for (key, value) in pairs {
                line(format!("{:width$}  {}", single_line(key), single_line(value)).trim_end());
            }
        }
        Part::Table(columns, rows) => table(columns, rows, style).lines().for_each(|row| line(row.trim_end())),
        Part::Code(_, code) => printable(code).lines().for_each(|code| line(&format!("    {code}"))),
        Part::Raw(raw) => text.push_str(raw),
    }
}

/// Lays out a table; a column without a single value is left out.
fn table(columns: &[(String, Align)], rows: &[Vec<String>], style: Style) -> String {
    let has_value = |column: &usize| rows.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()));
    let shown: Vec<usize> = (0..columns.len()).filter(has_value).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = style.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.set_header(shown.iter().map(|column| single_line(&columns[*column].0).to_uppercase()));
    for row in rows {
        table.add_row(shown.iter().map(|column| row.get(*column).map(|cell| single_line(cell)).unwrap_or_default()));
    }
    for (column, shown) in table.column_iter_mut().zip(&shown) {
        let align = &columns[*shown].1;
        column.set_padding((0, 2));
        column.set_cell_alignment(if *align == Align::Right { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.to_string()
}

fn dressed(text: &str, style: Style) -> String {
    if !style.colour {
        return text.to_owned();
    }
    let heading = AnsiColor::Yellow.on_default().effects(Effects::BOLD);
    format!("{heading}{text}{heading:#}")
}
