//! The lines of `.gitlab-ci.yml` that bring the jobs in. The file is somebody else's: only what stands
//! between two markers is ours.

use std::path::Path;

use super::managed::{self, Managed, State};
use crate::error::Result;

/// The file.
const FILE: &str = ".gitlab-ci.yml";
/// The markers.
const BEGIN: &str = "# >>> git session cleanup init";
const END: &str = "# <<< git session cleanup init";

/// What has to be done with a file that is somebody else's.
#[derive(Debug)]
pub(super) enum Include {
    /// Its lines between the markers are ours to write.
    Ours(Managed),
    /// There are no markers: a person has to add these lines.
    Paste(String),
}

/// Looks at the file below `root`, which should include `paths`.
pub(super) fn look(root: &Path, paths: &[&str]) -> Result<Include> {
    let found = managed::read(root, FILE)?;
    let Some(text) = found else {
        return Ok(Include::Ours(Managed::of(FILE, State::Missing, "", block(paths, "", true))));
    };
    let Some(wanted) = replaced(&text, paths) else {
        let items = paths.iter().map(|path| format!("local: {path}")).any(|item| !text.contains(&item));
        let paste = if items { block(paths, "", true) } else { String::new() };
        return Ok(Include::Paste(paste));
    };
    let state = if wanted == text { State::Current } else { State::Outdated };
    Ok(Include::Ours(Managed::of(FILE, state, &text, wanted)))
}

fn block(paths: &[&str], indent: &str, has_key: bool) -> String {
    let (key, inner) = if has_key {
        (format!("{indent}include:\n"), format!("{indent}  "))
    } else {
        (String::new(), indent.to_owned())
    };
    let items: String = paths.iter().map(|path| format!("{inner}- local: {path}\n")).collect();
    format!("{indent}{BEGIN}\n{key}{items}{indent}{END}\n")
}

/// The text with what it should have between the markers; `None` where it has none. Markers that somebody
/// put into a list of theirs get items only.
fn replaced(text: &str, paths: &[&str]) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let find = |marker: &str| lines.iter().position(|line| line.trim() == marker);
    let (begin, end) = (find(BEGIN)?, find(END)?);
    if end < begin {
        return None;
    }
    let between = &lines[begin + 1..end];
    let before = lines[..begin].iter().any(|line| line.starts_with("include:"));
    let has_key = between.iter().any(|line| line.trim() == "include:") || !before;
    let indent: String = lines[begin].chars().take_while(|character| *character == ' ').collect();
    Some(
        [&lines[..begin].concat(), &block(paths, &indent, has_key), &lines[end + 1..].concat()]
            .map(String::as_str)
            .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn only_the_lines_between_the_markers_are_written() {
        let text = format!("stages: [a]\n{BEGIN}\nold\n{END}\njob: {{}}\n");
        let new = replaced(&text, &["x.yml"]).expect("markers");
        assert_eq!(new, format!("stages: [a]\n{BEGIN}\ninclude:\n  - local: x.yml\n{END}\njob: {{}}\n"));
        assert_eq!(replaced(&new, &["x.yml"]), Some(new));
    }

    #[test]
    fn markers_in_a_list_get_items() {
        let text = format!("include:\n  - local: mine.yml\n  {BEGIN}\n  {END}\n");
        let new = replaced(&text, &["x.yml"]).expect("markers");
        assert_eq!(new, format!("include:\n  - local: mine.yml\n  {BEGIN}\n  - local: x.yml\n  {END}\n"));
        assert_eq!(replaced(&format!("{END}\n{BEGIN}\n"), &["x.yml"]), None);
        assert_eq!(replaced("job: {}\n", &["x.yml"]), None);
    }
}
