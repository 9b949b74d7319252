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

fn table(columns: &[(String, Align)], rows: &[Vec<String>], style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = style.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.set_header(columns.iter().map(|(name, _)| single_line(name).to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| single_line(cell)));
    }
    for (column, (_, align)) in table.column_iter_mut().zip(columns) {
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
