//! What a change adds to a file and removes from it, hunk by hunk.

use imara_diff::{Algorithm, Diff, InternedInput};

use super::line::{Line, LineHash};

/// The largest file whose lines are compared, in bytes: 8 MiB. What is larger was hardly written by hand.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// Lines that stand together and were added, removed, or replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// The 1-based number of the first added line in the new file, or of the line before which lines were removed.
    pub start: usize,
    /// The added lines, in order.
    pub added: Vec<Line>,
    /// The removed lines, in order.
    pub removed: Vec<Line>,
    /// The line before the hunk in the new file; zero at its beginning or where it is not known.
    pub before: LineHash,
}

/// The change of a file of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff {
    /// The path below the root of the work tree.
    pub path: String,
    /// The path before, where the file was renamed.
    pub old_path: Option<String>,
    /// What changed.
    pub hunks: Vec<Hunk>,
    /// The lines that the old file had and the new one still has.
    pub kept: std::collections::HashSet<LineHash>,
}

/// Compares two texts line by line.
#[must_use]
pub fn between(path: &str, old: &str, new: &str) -> FileDiff {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let line = |token: &imara_diff::Token| Line::of(input.interner[*token]);
    let mut found = FileDiff { path: path.to_owned(), ..FileDiff::default() };
    let mut rest = 0;
    for hunk in diff.hunks() {
        let (before, after) =
            (hunk.before.start as usize..hunk.before.end as usize, hunk.after.start as usize..hunk.after.end as usize);
        found.kept.extend(input.before[rest..before.start].iter().map(|token| line(token).hash));
        rest = before.end;
        found.hunks.push(Hunk {
            start: after.start + 1,
            before: after.start.checked_sub(1).map(|at| line(&input.after[at]).hash).unwrap_or_default(),
            added: input.after[after].iter().map(line).collect(),
            removed: input.before[before].iter().map(line).collect(),
        });
    }
    found.kept.extend(input.before[rest..].iter().map(|token| line(token).hash));
    found
}

/// Reads the hunks of a unified diff of one file, as agents record it: with context or without, with line numbers or
/// without.
#[must_use]
pub fn parse(unified: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut current = Hunk::default();
    let mut before = LineHash::default();
    let mut number = 1;
    let mut flush = |current: &mut Hunk| {
        if !current.added.is_empty() || !current.removed.is_empty() {
            hunks.push(std::mem::take(current));
        }
    };
    let mut is_head = true;
    for line in unified.lines() {
        if let Some(range) = line.strip_prefix("@@") {
            flush(&mut current);
            is_head = false;
            before = LineHash::default();
            number = start_of(range).unwrap_or(number);
            continue;
        }
        if is_head && (line.starts_with("--- ") || line.starts_with("+++ ") || line.starts_with("diff ")) {
            continue;
        }
        let (sign, text) = (line.as_bytes().first().copied().unwrap_or(b' '), line.get(1..).unwrap_or(""));
        match sign {
            b'+' => {
                // What is removed after something was added belongs to the next hunk.
                if current.added.is_empty() && current.removed.is_empty() {
                    current.before = before;
                }
                if current.added.is_empty() {
                    current.start = number;
                }
                let line = Line::of(text);
                current.added.push(line);
                before = line.hash;
                number += 1;
            }
            b'-' => {
                if !current.added.is_empty() {
                    flush(&mut current);
                }
                if current.removed.is_empty() {
                    (current.before, current.start) = (before, number);
                }
                current.removed.push(Line::of(text));
            }
            b'\\' => {}
            _ => {
                flush(&mut current);
                before = Line::of(text).hash;
                number += 1;
            }
        }
    }
    flush(&mut current);
    hunks
}

/// The first line of the new file in the head of a hunk: `-3,4 +5,6 @@`.
fn start_of(range: &str) -> Option<usize> {
    let new = range.split_whitespace().find_map(|word| word.strip_prefix('+'))?;
    new.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Hunk, between, parse};
    use crate::attribution::line::Line;

    fn shown(hunks: &[Hunk]) -> Vec<(usize, usize, usize)> {
        hunks.iter().map(|hunk| (hunk.start, hunk.removed.len(), hunk.added.len())).collect()
    }

    #[test]
    fn two_texts_are_compared_line_by_line() {
        let diff = between("a", "1\n2\n3\n4\n", "1\ntwo\n3\n4\n5\n");
        assert_eq!(shown(&diff.hunks), [(2, 1, 1), (5, 0, 1)]);
        assert_eq!(diff.hunks[0].before, Line::of("1").hash);
        assert!(diff.kept.contains(&Line::of("3").hash) && !diff.kept.contains(&Line::of("2").hash));
        assert_eq!(shown(&between("a", "", "x\n").hunks), [(1, 0, 1)]);
        assert_eq!(shown(&between("a", "x\n", "").hunks), [(1, 1, 0)]);
    }

    #[test]
    fn the_diff_of_an_agent_is_read_as_it_is() {
        for (diff, expected) in [
            ("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n", vec![(2, 1, 1)]),
            ("--- a/x\n+++ b/x\n-2\n-3\n+two\n+3\n", vec![(1, 2, 2)]),
            ("@@\n-2\n+two\n@@ fn x\n context\n+new\n", vec![(1, 1, 1), (3, 0, 1)]),
            ("@@ -5 +7 @@\n+--- not a head\n-+++ nor this\n\\ No newline at end of file\n", vec![(7, 0, 1), (8, 1, 0)]),
            ("", vec![]),
            ("no diff at all", vec![]),
        ] {
            assert_eq!(shown(&parse(diff)), expected, "{diff}");
        }
        let hunks = parse("@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n");
        assert_eq!(hunks[0].before, Line::of("1").hash);
    }
}
