//! Text of a log in Markdown, so that it does nothing: it is no markup, no HTML, no link, no picture, and
//! no notification is sent.

use crate::{forge::without_references, report::single_line};

/// Text in a line. What controls a terminal, reorders text or hides in it is shown by its name.
#[must_use]
pub fn text(text: &str) -> String {
    let line = without_references(&single_line(text));
    let characters: Vec<char> = line.chars().collect();
    let mut inert = String::with_capacity(line.len() * 2);
    for (position, character) in characters.iter().enumerate() {
        match character {
            '<' => inert.push_str("&lt;"),
            '>' => inert.push_str("&gt;"),
            '&' => inert.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '|' | '~' | '!' | '$' | '{' | '}' => {
                inert.extend(['\\', *character]);
            }
            '-' | '+' | '=' if position == 0 => inert.extend(['\\', *character]),
            '.' if is_numbered(&characters[..position]) => inert.extend(['\\', '.']),
            other => inert.push(*other),
        }
    }
    inert
}

/// Whether a list would begin with these digits and a full stop.
fn is_numbered(before: &[char]) -> bool {
    !before.is_empty() && before.iter().all(char::is_ascii_digit)
}

/// Code in a line, whatever backticks are in it.
#[must_use]
pub fn code(code: &str) -> String {
    let line = single_line(code);
    if line.trim().is_empty() {
        return String::new();
    }
    let longest = line.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if longest == 0 { format!("`{line}`") } else { format!("{fence} {line} {fence}") }
}

#[cfg(test)]
mod tests {
    use super::{code, text};

    #[test]
    fn nothing_in_a_log_is_markup_or_html() {
        assert_eq!(text("<img src=x onerror=y>"), "&lt;img src=x onerror=y&gt;");
        assert_eq!(text("--> x"), "\\--&gt; x");
        assert_eq!(text("![a](b) [c][d]"), "\\!\\[a\\]\\(b\\) \\[c\\]\\[d\\]");
        assert_eq!(text("```sh\nrm\n```"), "\\`\\`\\`sh rm \\`\\`\\`");
        assert_eq!(text("1. one"), "1\\. one");
        assert_eq!(text("version 1.2"), "version 1.2");
        assert_eq!(text("# head"), "\\# head");
    }

    #[test]
    fn nobody_is_notified_and_nothing_is_linked() {
        assert_eq!(text("@octo a@b.c"), "\\(at\\)octo a\\(at\\)b.c");
        assert_eq!(text("#12 !3 GH-4"), "\\(\\#\\)12 \\(\\!\\)3 GH 4");
        assert_eq!(text("https://a.b www.c.d"), "https:\\(//\\)a.b www\\(.\\)c.d");
        assert_eq!(text("&12 ~bug"), "\\(&amp;\\)12 \\(\\~\\)bug");
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(text("a\u{202e}b\u{1b}[0m"), "a&lt;U+202E&gt;b^\\[\\[0m");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("x\u{202e}"), "`x<U+202E>`");
        assert_eq!(code(" "), "");
    }
}
