//! Compares texts as JSON spells them: most of what has to be compared is the same text twice, which
//! need not be decoded for that.

/// Whether a text begins with another one, given as a JSON string in quotes, white space around them
/// aside. `false` may also mean that the spelling does not tell.
pub(super) fn is_start(text: &str, json: &str) -> bool {
    let part = json.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
    part.is_some_and(|part| trim_start(text).starts_with(trim_end(trim_start(part))))
}

fn trim_start(mut spelling: &str) -> &str {
    let blank = |spelling: &'_ str| [" ", "\\n", "\\t", "\\r"].into_iter().find(|blank| spelling.starts_with(*blank));
    while let Some(blank) = blank(spelling) {
        spelling = &spelling[blank.len()..];
    }
    spelling
}

fn trim_end(mut spelling: &str) -> &str {
    loop {
        spelling = spelling.trim_end_matches(' ');
        let Some(before) = spelling.strip_suffix(['n', 't', 'r']) else { return spelling };
        // An even number of them are backslashes themselves.
        let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if backslashes % 2 == 0 {
            return spelling;
        }
        spelling = &before[..before.len() - 1];
    }
}

#[cfg(test)]
mod tests {
    use super::is_start;

    #[test]
    fn a_text_begins_with_another_whatever_white_space_is_around_it() {
        for (text, json, is) in [
            (r"one\ntwo", r#""one""#, true),
            (r"one\ntwo", r#""\n one \n""#, true),
            (r"\n  one", r#""one""#, true),
            (r"one", r#""""#, true),
            (r"a\\n", r#""a\\n""#, true),
            (r"a\nb", r#""a\\n""#, false),
            (r"a\\", r#""a\\n""#, false),
            (r"one", r#""one two""#, false),
            (r"one", "1", false),
        ] {
            assert_eq!(is_start(text, json), is, "{text} {json}");
        }
    }
}
