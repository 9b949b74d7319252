//! The path of a file as a session names it, compared with one of the repository.

/// The path of a file as a session names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FilePath {
    /// Below the root of the work tree.
    Within(String),
    /// Somewhere on the machine where the session ran.
    Absolute(String),
}

/// How sure it is that two paths are of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// Another file.
    Other,
    /// One of the same name.
    SameName,
    /// The file itself.
    Same,
}

impl FilePath {
    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        let (Self::Within(path) | Self::Absolute(path)) = self;
        path.rsplit('/').next().unwrap_or(path)
    }

    /// Whether this is the file at `path` below the root of the work tree.
    #[must_use]
    pub fn is(&self, path: &str) -> bool {
        self.closeness(path) == Closeness::Same
    }

    /// Whether this is the file at `path` or a folder that it is in.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        self.is(path) || folders.any(|folder| self.is(folder))
    }

    pub(super) fn closeness(&self, path: &str) -> Closeness {
        let is_same = match self {
            Self::Within(own) => own == path,
            Self::Absolute(own) => own.strip_suffix(path).is_some_and(|root| root.ends_with('/')),
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        match is_same {
            true => Closeness::Same,
            false if self.name() == name => Closeness::SameName,
            false => Closeness::Other,
        }
    }
}
