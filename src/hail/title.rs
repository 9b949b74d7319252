//! The line that names a session in lists, and how a text is cut to fit.

use std::io;

use super::{Event, Header, Pause, Sink};

/// The longest title, in characters.
const TITLE_CHARS: usize = 100;

/// How much of a line a title is made of at most, in bytes: prompts have lines of megabytes.
const LINE_BYTES: usize = 8 * 1024;

/// How a placeholder begins, and how long one is at most, in bytes.
const PLACEHOLDER: (&str, usize) = ("[REDACTED:", 80);

/// Whether a character is not seen itself but changes how others are, or hides among them: bidi controls,
/// zero-width characters, fillers, tags, variation selectors (all that Unicode calls default ignorable),
/// annotations, and the separators that end a line for some programs only.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The line of a prompt that a title is made of: the first with words in it, whole, because a secret is
/// found only while all of it is there. [`title`] cuts it once it is redacted.
#[must_use]
pub fn title_of(prompt: &str) -> String {
    let line = prompt.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or_default();
    if line.len() <= LINE_BYTES {
        return line.to_owned();
    }
    let head = &line[..boundary(line, LINE_BYTES)];
    let words = head.rsplit_once(char::is_whitespace).map_or(head, |(words, _)| words);
    format!("{}…", words.trim_end())
}

/// Makes a title of a redacted line: single spaces, at most 100 characters.
#[must_use]
pub fn title(line: &str) -> String {
    cut(&line.split_whitespace().collect::<Vec<_>>().join(" "), TITLE_CHARS)
}

/// Cuts a redacted text to at most `most` characters, the last of them `…`, and never inside a placeholder.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let mut ends = text.char_indices().map(|(at, _)| at).skip(most.saturating_sub(1));
    let (Some(end), Some(_)) = (ends.next(), ends.next()) else { return text.to_owned() };
    let (head, longest) = PLACEHOLDER;
    let kept = &text[..end];
    let from = boundary(kept, end.saturating_sub(longest));
    let opened = text[from..].match_indices(head).map(|(at, _)| from + at).take_while(|at| *at < end).last();
    let opened = opened.filter(|at| !kept[*at..].contains(']'));
    format!("{}…", kept[..opened.unwrap_or(end)].trim_end())
}

/// The start of the character at `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A sink that makes titles of the lines that parsers give, for what is shown without being redacted.
#[expect(missing_debug_implementations, reason = "a sink need not have one")]
pub struct Titled<'a>(pub &'a mut dyn Sink);

impl Sink for Titled<'_> {
    fn header(&mut self, mut header: Header) -> io::Result<()> {
        header.context.title = title(&header.context.title);
        self.0.header(header)
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.0.event(event)
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.0.pause(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, title, title_of};

    #[test]
    fn a_title_is_made_of_the_whole_first_line_with_words() {
        let long = format!("Fix  the\tbug {}", "x".repeat(200));
        assert_eq!(title_of(&format!("---\n\n {long} \nmore")), long);
        assert_eq!(title(&long).chars().count(), 100);
        assert!(title(&long).starts_with("Fix the bug x") && title(&long).ends_with("x…"));
        let words = title_of(&"word ".repeat(10_000));
        assert!(words.len() < 9000 && words.ends_with("word…"), "a line of megabytes is cut between words");
    }

    #[test]
    fn nothing_is_cut_inside_a_placeholder() {
        let text = "Use [REDACTED:github:0123abcd] here";
        for most in 1..40 {
            let cut = cut(text, most);
            assert!(cut.chars().count() <= most.max(1), "{cut}");
            assert!(
                cut == text
                    || cut == "…"
                    || "Use [REDACTED:github:0123abcd] here".starts_with(cut.trim_end_matches('…')),
                "{cut}"
            );
            assert_eq!(cut.contains("REDA"), cut.contains(":0123abcd]"), "{cut}");
        }
        assert_eq!(cut("naïve café", 10), "naïve café");
        assert_eq!(cut("naïve cafés", 10), "naïve caf…");
        assert_eq!(cut("[REDACTED: of course, said the spokesperson", 20), "…");
        assert_eq!(cut("", 5), "");
    }
}
