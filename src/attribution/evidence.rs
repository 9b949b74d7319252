//! How it is known that a session had a part in a commit.

use serde::{Deserialize, Serialize};

/// How a session's part in a commit is known. Stored by [`Evidence::name`] in the commit index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The session's own command made the commit.
    Committed,
    /// It wrote lines that the commit adds, or removed lines that the commit removes.
    Lines,
    /// It moved, deleted or changed a file that has no lines to compare.
    Paths,
    /// A person said so.
    Manual,
    /// The commit names it.
    Trailer,
    /// The commit took the place of one that is linked to it.
    Rewrite,
    /// It is linked to a commit with the same `change-id` header.
    ChangeId,
    /// It is linked to a commit that made the same change.
    PatchId,
    /// It is linked to a commit of the same content.
    Tree,
    /// It is linked to a commit that introduced some of the same files.
    Blobs,
    /// It once changed a file of the commit: what versions before 0.2 went by.
    Path,
}

impl Evidence {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Committed, "committed"),
        (Self::Lines, "lines"),
        (Self::Paths, "paths"),
        (Self::Manual, "manual"),
        (Self::Trailer, "trailer"),
        (Self::Rewrite, "rewrite"),
        (Self::ChangeId, "change-id"),
        (Self::PatchId, "patch-id"),
        (Self::Tree, "tree"),
        (Self::Blobs, "blobs"),
        (Self::Path, "path"),
    ];

    /// How an index entry calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(evidence, _)| *evidence == self).map_or("", |(_, name)| name)
    }

    /// What an index entry of any version calls so.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(evidence, _)| *evidence)
    }
}
