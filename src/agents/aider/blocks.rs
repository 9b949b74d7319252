//! The edits that the model wrote into its answer: search and replace, under the name of the file.

/// One block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) path: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// Where in a block a line stands.
enum Side {
    Outside,
    Old,
    New,
}

/// The blocks in an answer. One that is not closed is none.
pub(super) fn edits(answer: &str) -> Vec<Edit> {
    let mut found = Vec::new();
    let mut side = Side::Outside;
    let (mut path, mut old, mut new) = (String::new(), String::new(), String::new());
    for line in answer.lines() {
        match side {
            Side::Outside if is_mark(line, '<') => {
                (old, new) = (String::new(), String::new());
                side = Side::Old;
            }
            Side::Outside => path = name_on(line).unwrap_or(path),
            Side::Old if line.trim_end() == "=======" => side = Side::New,
            Side::Old => old += &(line.to_owned() + "\n"),
            Side::New if is_mark(line, '>') => {
                let (old, new) = (std::mem::take(&mut old), std::mem::take(&mut new));
                found.push(Edit { path: path.clone(), old, new });
                side = Side::Outside;
            }
            Side::New => new += &(line.to_owned() + "\n"),
        }
    }
    found
}

/// Whether a line is `<<<<<<< SEARCH` or `>>>>>>> REPLACE`.
fn is_mark(line: &str, mark: char) -> bool {
    let rest = line.trim_start_matches(mark);
    let count = line.len() - rest.len();
    (5..=9).contains(&count) && matches!(rest.trim(), "SEARCH" | "REPLACE")
}

/// The file that a line before a block names. Its dress, such as backquotes or a colon, is taken off; a
/// fence and a blank line name none.
fn name_on(line: &str) -> Option<String> {
    let name = line.trim();
    let name = name.trim_start_matches(['#', '*', '`', ' ']).trim_end_matches(['*', '`', ':', ' ']);
    let is_name = !name.is_empty() && !line.starts_with("```") && !name.contains(' ');
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Edit, edits};

    #[test]
    fn a_block_belongs_to_the_file_named_before_it() {
        let answer = "Here:\n\n**src/a.rs**\n```rust\n<<<<<<< SEARCH\none\n=======\ntwo\n>>>>>>> REPLACE\n```\nand\n\
            ```\nb.txt\n<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n```\nc.rs\n<<<<<<< SEARCH\nnever closed\n";
        let edit = |path: &str, old: &str, new: &str| Edit { path: path.into(), old: old.into(), new: new.into() };
        assert_eq!(edits(answer), [edit("src/a.rs", "one\n", "two\n"), edit("b.txt", "", "new\n")]);
    }
}
