//! Which commit wrote each line of a file.

use gix::bstr::ByteSlice;

use super::{GitError, ObjectId, Repository};

/// A line of a file and the commit that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedLine {
    /// The commit; `None` where the line is not committed.
    pub commit: Option<ObjectId>,
    /// The 1-based number of the line in that commit.
    pub original: usize,
    /// The path of the file in that commit.
    pub path: String,
    /// The 1-based number of the line in the file.
    pub number: usize,
    /// The line; what is not text in it is replaced.
    pub text: String,
}

/// The file of commits that are passed over, where the work tree has one.
const IGNORED: &str = ".git-blame-ignore-revs";

impl Repository {
    /// Asks git who wrote the lines of `path`, which begins at the root of the work tree: all, or those of `ranges`
    /// in the form of `git blame -L`. Lines that were moved or copied are followed to where they come from.
    ///
    /// # Errors
    /// When git has no such file or lines.
    pub fn blame(&self, path: &str, ranges: &[String]) -> Result<Vec<BlamedLine>, GitError> {
        let mut arguments: Vec<String> = ["blame", "--line-porcelain", "-M", "-C"].map(str::to_owned).to_vec();
        if self.work_tree().is_some_and(|root| root.join(IGNORED).is_file()) {
            arguments.push(format!("--ignore-revs-file={IGNORED}"));
        }
        arguments.extend(ranges.iter().map(|range| format!("-L{range}")));
        arguments.extend(["--".to_owned(), path.to_owned()]);
        let answer = self.git(&arguments).run()?.require()?;
        let mut found = Vec::new();
        let mut current: Option<BlamedLine> = None;
        for line in answer.raw_stdout.lines() {
            if let Some(text) = line.strip_prefix(b"\t") {
                let text = text.to_str_lossy().into_owned();
                found.extend(current.take().map(|line| BlamedLine { text, ..line }));
            } else if let Some(current) = &mut current {
                if let Some(path) = line.strip_prefix(b"filename ") {
                    current.path = path.to_str_lossy().into_owned();
                }
            } else {
                current = self.head_of(&line.to_str_lossy());
            }
        }
        Ok(found)
    }

    /// Reads `<commit> <line in it> <line> [<count>]`.
    fn head_of(&self, line: &str) -> Option<BlamedLine> {
        let mut words = line.split(' ');
        let commit = self.parse_id(words.next()?)?;
        let [original, number] = [words.next()?.parse().ok()?, words.next()?.parse().ok()?];
        let commit = (!commit.is_null()).then_some(commit);
        Some(BlamedLine { commit, original, number, path: String::new(), text: String::new() })
    }
}
