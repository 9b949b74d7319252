//! The text format of `apply_patch`: several files, hunks without line numbers.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::hail;

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agents) struct Change {
    /// The path as it was written; after a move the new one.
    pub(in crate::agents) path: String,
    /// Where the file was before it was moved.
    pub(in crate::agents) moved_from: Option<String>,
    pub(in crate::agents) kind: ChangeKind,
    /// What its paths were, where they were put away since: then they may be redacted.
    pub(super) written: Option<Written>,
}

/// What is needed of a change's paths as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// The length and the hash of the path before the change.
    end: (usize, u64),
    /// The headers of the diff.
    pub(super) heading: String,
}

impl Written {
    /// Whether a longer path ends with the one before the change.
    pub(super) fn ends(&self, path: &str) -> bool {
        let path = path.replace('\\', "/");
        let (length, hash) = self.end;
        let halves = path.len().checked_sub(length).and_then(|at| path.split_at_checked(at));
        halves.is_some_and(|(folder, end)| hail::hash(end) == hash && (folder.is_empty() || folder.ends_with('/')))
    }
}

impl Change {
    pub(super) fn new(path: String, moved_from: Option<String>, kind: ChangeKind) -> Self {
        Self { path, moved_from, kind, written: None }
    }

    /// What its paths were as they were written.
    pub(super) fn written(&self) -> Written {
        self.written.clone().unwrap_or_else(|| {
            let from = self.moved_from.as_deref().unwrap_or(&self.path);
            let end = from.trim_start_matches("./").replace('\\', "/");
            let [old, new] = [from, &self.path].map(|path| path.trim_start_matches('/'));
            Written { end: (end.len(), hail::hash(end.as_str())), heading: format!("--- a/{old}\n+++ b/{new}\n") }
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agents) enum ChangeKind {
    Add { content: String },
    Delete { content: Option<String> },
    Update { hunks: String, is_numbered: bool },
}

/// Reads a patch; empty where the text holds none.
pub(in crate::agents) fn parse(text: &str) -> Vec<Change> {
    let mut reader = PatchReader::default();
    let lines = text.lines().skip_while(|line| line.trim() != "*** Begin Patch").skip(1);
    for line in lines.take_while(|line| line.trim() != "*** End Patch") {
        reader.read(line);
    }
    reader.finish_file();
    reader.changes.retain(|change| !change.path.is_empty());
    reader.changes
}

#[derive(Default)]
struct PatchReader<'a> {
    changes: Vec<Change>,
    hunks: Vec<Hunk<'a>>,
}

#[derive(Default)]
struct Hunk<'a> {
    place: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> PatchReader<'a> {
    fn read(&mut self, line: &'a str) {
        let after = |start: &str| line.trim_end().strip_prefix(start).map(str::trim);
        if let Some(path) = after("*** Add File:") {
            self.begin(path, ChangeKind::Add { content: String::new() });
        } else if let Some(path) = after("*** Delete File:") {
            self.begin(path, ChangeKind::Delete { content: None });
        } else if let Some(path) = after("*** Update File:") {
            self.begin(path, ChangeKind::Update { hunks: String::new(), is_numbered: false });
        } else if let Some(path) = after("*** Move to:") {
            if let Some(change) = self.changes.last_mut().filter(|_| !path.is_empty()) {
                change.moved_from = Some(std::mem::replace(&mut change.path, path.to_owned()));
            }
        } else if line.trim_end() != "*** End of File" {
            self.read_body(line);
        }
    }

    fn read_body(&mut self, line: &'a str) {
        match self.changes.last_mut().map(|change| &mut change.kind) {
            Some(ChangeKind::Add { content }) => {
                content.push_str(line.strip_prefix('+').unwrap_or(line));
                content.push('\n');
            }
            Some(ChangeKind::Update { .. }) => {
                if let Some(place) = line.strip_prefix("@@") {
                    self.hunks.push(Hunk { place: place.trim(), lines: Vec::new() });
                    return;
                }
                if self.hunks.is_empty() {
                    self.hunks.push(Hunk::default());
                }
                self.hunks.last_mut().into_iter().for_each(|hunk| hunk.lines.push(line));
            }
            _ => {}
        }
    }

    fn begin(&mut self, path: &str, kind: ChangeKind) {
        self.finish_file();
        self.changes.push(Change::new(path.to_owned(), None, kind));
    }

    fn finish_file(&mut self) {
        let hunks = std::mem::take(&mut self.hunks);
        if let Some(ChangeKind::Update { hunks: text, .. }) = self.changes.last_mut().map(|change| &mut change.kind) {
            *text = to_unified(&hunks);
        }
    }
}

/// Writes hunks with headers. The counts in them are exact; where a hunk begins the patch does not
/// say, so each begins where the one before ended, which keeps their order.
fn to_unified(hunks: &[Hunk<'_>]) -> String {
    let mut text = String::new();
    let (mut old, mut new) = (1, 1);
    for hunk in hunks.iter().filter(|hunk| !hunk.lines.is_empty()) {
        let count = |skipped: char| hunk.lines.iter().filter(|line| !line.starts_with(skipped)).count();
        let (removed, added) = (count('+'), count('-'));
        let start = |at: usize, count: usize| if count == 0 { at - 1 } else { at };
        let _ = write!(text, "@@ -{},{removed} +{},{added} @@", start(old, removed), start(new, added));
        if !hunk.place.is_empty() {
            let _ = write!(text, " {}", hunk.place);
        }
        text.push('\n');
        for line in &hunk.lines {
            // A context line that is blank may have lost its leading space.
            let mark = if line.starts_with([' ', '+', '-']) { "" } else { " " };
            let _ = writeln!(text, "{mark}{line}");
        }
        old += removed;
        new += added;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Change, ChangeKind, parse};

    #[test]
    fn reads_every_kind_of_change_in_one_patch() {
        let changes = parse(concat!(
            "*** Begin Patch\n*** Add File: new.txt\n+one\n+\n*** Update File: old.rs\n*** Move to: moved.rs\n",
            "@@ fn main() {\n a\n-b\n+c\n\n@@\n+d\n*** End of File\n*** Delete File: gone\n*** End Patch\n"
        ));
        let change = |path: &str, kind| Change::new(path.to_owned(), None, kind);
        let hunks = "@@ -1,3 +1,3 @@ fn main() {\n a\n-b\n+c\n \n@@ -3,0 +4,1 @@\n+d\n".to_owned();
        assert_eq!(
            changes,
            [
                change("new.txt", ChangeKind::Add { content: "one\n\n".to_owned() }),
                Change {
                    moved_from: Some("old.rs".to_owned()),
                    ..change("moved.rs", ChangeKind::Update { hunks, is_numbered: false })
                },
                change("gone", ChangeKind::Delete { content: None }),
            ]
        );
    }

    #[test]
    fn finds_nothing_in_other_text() {
        for text in [
            "",
            "hello",
            "*** Begin Patch\n*** End Patch",
            "*** Update File: a\n+b",
            "*** Begin Patch\n*** Add File: \n",
        ] {
            assert_eq!(parse(text), [], "{text:?}");
        }
    }
}
