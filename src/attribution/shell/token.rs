//! The pieces of a script.

/// A piece of a script.
#[derive(Clone, Debug)]
pub(super) enum Token {
    Word(Word),
    Redirect(Redirect),
    /// The end of a command; whether the next one reads its output.
    End {
        is_pipe: bool,
    },
    /// The start of a subshell.
    Open,
    /// The end of a subshell.
    Close,
    /// The end of words that run nothing: the pattern of a `case`, the name of a function.
    Pattern,
}

/// A word without its quotes.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    /// Its text; an expansion stands in it as it is written.
    pub(super) text: String,
    /// The expansions in it.
    pub(super) holes: Vec<Hole>,
    /// Whether it is a pattern for names of files.
    pub(super) is_glob: bool,
    /// Whether any of it is quoted, so that it is no reserved word.
    pub(super) is_quoted: bool,
    /// The scripts that it substitutes.
    pub(super) scripts: Vec<Vec<Token>>,
}

impl Word {
    /// Whether only running the script would tell what it is.
    pub(super) fn is_open(&self) -> bool {
        self.is_glob || !self.holes.is_empty()
    }

    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// An expansion: where its text is, and the variable if it is just that.
#[derive(Clone, Debug)]
pub(super) struct Hole {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) name: Option<String>,
}

/// A redirection.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    pub(super) kind: Kind,
    /// The file, or the text of a here-string, or the delimiter.
    pub(super) target: Word,
    /// Whether it is that of the standard output.
    pub(super) is_output: bool,
    /// The here-document.
    pub(super) body: Option<String>,
}

/// What a redirection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Append,
    Document,
    Text,
}
