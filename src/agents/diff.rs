//! Unified diffs of what an edit replaced and what replaced it.

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};

/// Makes a unified diff with file headers; empty when nothing changed.
pub(crate) fn unified(path: &str, old: &str, new: &str) -> String {
    with_header(path, &hunks(old, new))
}

/// Makes the hunks of a unified diff, without file headers.
pub(super) fn hunks(old: &str, new: &str) -> String {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input).to_string()
}

/// Makes the hunks of a part of a file, which begins at those 1-based lines of the old and of the new file.
pub(super) fn hunks_at(old: &str, new: &str, (old_start, new_start): (usize, usize)) -> String {
    let moved = |range: &str, start: usize| {
        let (sign, range) = range.split_at(1);
        let (line, count) = range.split_once(',').unwrap_or((range, "1"));
        Some(format!("{sign}{},{count}", line.parse::<usize>().ok()? + start - 1))
    };
    let header = |line: &str| {
        let (before, after) = line.strip_prefix("@@ ")?.strip_suffix(" @@")?.split_once(' ')?;
        Some(format!("@@ {} {} @@\n", moved(before, old_start)?, moved(after, new_start)?))
    };
    let line = |line: &str| header(line.trim_end_matches('\n')).unwrap_or_else(|| line.to_owned());
    hunks(old, new).split_inclusive('\n').map(line).collect()
}

/// Puts the two file headers before hunks that an agent already made.
pub(super) fn with_header(path: &str, hunks: &str) -> String {
    if hunks.is_empty() {
        String::new()
    } else {
        format!("--- a/{0}\n+++ b/{0}\n{hunks}", path.trim_start_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::{hunks_at, unified};

    #[test]
    fn shows_old_and_new_lines_under_the_file_name() {
        let diff = unified("src/a.rs", "one\ntwo\nthree\n", "one\n2\nthree\n");
        assert_eq!(diff, "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
        assert_eq!(unified("a", "same", "same"), "");
    }

    #[test]
    fn a_part_of_a_file_has_the_lines_of_the_file() {
        assert_eq!(hunks_at("a\nb\n", "a\nc\n", (10, 12)), "@@ -10,2 +12,2 @@\n a\n-b\n+c\n");
    }

    #[test]
    fn says_where_the_last_line_has_no_line_feed() {
        let diff = unified("a", "x", "y");
        assert_eq!(diff.lines().filter(|line| line.starts_with(['-', '+'])).count(), 4, "{diff}");
    }
}
