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
    use super::unified;

    #[test]
    fn shows_old_and_new_lines_under_the_file_name() {
        let diff = unified("src/a.rs", "one\ntwo\nthree\n", "one\n2\nthree\n");
        assert_eq!(diff, "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
        assert_eq!(unified("a", "same", "same"), "");
    }

    #[test]
    fn says_where_the_last_line_has_no_line_feed() {
        let diff = unified("a", "x", "y");
        assert_eq!(diff.lines().filter(|line| line.starts_with(['-', '+'])).count(), 4, "{diff}");
    }
}
