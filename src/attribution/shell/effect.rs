//! What a command does: the answers of this room.

/// What a command may have done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It wrote this text.
    Lines {
        /// The text. A line with an expansion has it as it is written.
        text: String,
        /// Whether the file keeps the lines that it had.
        is_append: bool,
    },
    /// It changed the file in a way that the text does not tell.
    Changed,
    /// It removed it.
    Removed,
    /// It gave it this path, which was another before.
    Moved {
        /// The old path.
        from: String,
    },
    /// It gave it a content that git has: an empty path stands for all files.
    Reverted,
    /// It may have changed any file.
    Anything,
}

/// Whether a command makes commits in the repository it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Commits {
    /// It does not.
    No,
    /// It runs something that may.
    Maybe,
    /// Its text says so.
    Directly,
}

/// What a command does to files, apart from its redirections.
pub(super) enum Effect {
    /// It changes none.
    Nothing,
    /// It does this to these; an empty path names none.
    Files(Vec<(String, How)>),
    /// It runs what the text does not tell, and that may change any.
    Runs,
}
