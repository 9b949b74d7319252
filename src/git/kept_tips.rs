//! The tips of our own references as this program last wrote them, where no fetch reaches them.
//!
//! A refspec such as `+refs/opensession/*:refs/opensession/*` or `+refs/*:refs/*` makes a fetch overwrite our
//! references with those of the remote, and a pruning one delete them. Each tip is therefore noted in a file of
//! the git directory. A symbolic reference to that file keeps the objects from being collected: git
//! neither prunes symbolic references nor packs them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gix::{bstr::ByteSlice, lock};

use super::{ObjectId, Repository};
use crate::system::files;

/// The largest file that is read here, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The folder of the tips, in the git directory: what follows `refs/` in a reference's name follows here.
const TIPS: &str = "opensession/tips/";
/// The folder of the references that keep the tips.
const KEEPERS: &str = "refs/opensession-tips/";
/// What begins the names of the references whose tips are kept.
const KEPT: [&str; 2] = ["refs/opensession/", "refs/notes/opensession"];

impl Repository {
    /// Notes that the reference `name` is about to be at `tip`, or is gone. It is the second copy of what the
    /// reference says: where it cannot be written, the reference is all there is.
    pub(super) fn keep_tip(&self, name: &[u8], tip: Option<ObjectId>) {
        let Some(rest) = name.to_str().ok().and_then(kept_part) else { return };
        let file = self.common_dir().join(TIPS).join(rest);
        let written = match tip {
            Some(tip) => replace(&file, &format!("{tip}\n")).and_then(|()| self.keep_objects(rest, tip)),
            None => self.let_go_of_objects(rest).and_then(|()| remove(&file)),
        };
        drop(written);
    }

    /// Takes what the reference `name` is at, which another program moved or deleted, for what is kept of it. Where
    /// the reference is being written, or is not at `current` any more, it is left to its writer, who notes the tip
    /// before the reference has it.
    pub fn settle_kept_tip(&self, name: &[u8], current: Option<ObjectId>) {
        let (path, root) = (self.common_dir().join(name.to_path_lossy()), self.common_dir().join("refs"));
        let lock = || lock::Marker::acquire_to_hold_resource(path, lock::acquire::Fail::Immediately, Some(root), 0);
        let lock = if self.uses_reftable { None } else { Some(lock()) };
        let is_locked = !matches!(lock, Some(Err(_)));
        if is_locked && self.find_reference(name).is_ok_and(|now| now == current) {
            self.keep_tip(name, current);
        }
    }

    /// The tip that is kept of the reference `name`.
    #[must_use]
    pub fn kept_tip(&self, name: &str) -> Option<ObjectId> {
        let text = files::read_text(&self.common_dir().join(TIPS).join(kept_part(name)?), MAX_BYTES).ok()?;
        self.parse_id(text.trim())
    }

    /// Every reference whose tip is kept, with that tip.
    #[must_use]
    pub fn kept_tips(&self) -> Vec<(String, ObjectId)> {
        let root = self.common_dir().join(TIPS);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if let Some(rest) = path.strip_prefix(&root).ok().and_then(Path::to_str) {
                    let name = format!("refs/{rest}");
                    found.extend(self.kept_tip(&name).map(|tip| (name, tip)));
                }
            }
        }
        found.sort();
        found
    }

    /// The remotes and refspecs with which a fetch overwrites our references, or deletes them when it prunes.
    #[must_use]
    pub fn refspecs_over_kept_tips(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for remote in self.remotes() {
            let refspecs = self.config_all(&format!("remote.{remote}.fetch"));
            let reaching = refspecs.into_iter().filter(|refspec| KEPT.iter().any(|kept| reaches(refspec, kept)));
            found.extend(reaching.map(|refspec| (remote.clone(), refspec)));
        }
        found
    }

    /// Whether a fetch, as it is configured, overwrites or prunes the reference `name`.
    #[must_use]
    pub fn is_fetched_over(&self, name: &str) -> bool {
        let refspecs = self.remotes().into_iter().flat_map(|remote| self.config_all(&format!("remote.{remote}.fetch")));
        refspecs.into_iter().any(|refspec| reaches(&refspec, name))
    }

    /// Whether the last fetch brought the commit `id`, whatever refspec it was given.
    #[must_use]
    pub fn was_just_fetched(&self, id: ObjectId) -> bool {
        let text = files::read_text(&self.git_dir().join("FETCH_HEAD"), MAX_BYTES).unwrap_or_default();
        text.lines().any(|line| line.starts_with(&id.to_string()))
    }

    fn keeper(&self, rest: &str) -> PathBuf {
        self.common_dir().join(KEEPERS).join(rest)
    }

    fn keep_objects(&self, rest: &str, tip: ObjectId) -> io::Result<()> {
        if self.uses_reftable {
            // There a reference is no file, and cannot stand for one.
            let finished = self.git(&["update-ref", &format!("{KEEPERS}{rest}"), &tip.to_string()]).run();
            return finished.map(drop).map_err(io::Error::other);
        }
        let keeper = self.keeper(rest);
        if keeper.exists() { Ok(()) } else { replace(&keeper, &format!("ref: {TIPS}{rest}\n")) }
    }

    fn let_go_of_objects(&self, rest: &str) -> io::Result<()> {
        if self.uses_reftable {
            let finished = self.git(&["update-ref", "-d", &format!("{KEEPERS}{rest}")]).run();
            return finished.map(drop).map_err(io::Error::other);
        }
        remove(&self.keeper(rest))
    }
}

/// What follows `refs/` in the name of a reference whose tip is kept.
fn kept_part(name: &str) -> Option<&str> {
    let is_kept = KEPT.iter().any(|kept| name == *kept || (kept.ends_with('/') && name.starts_with(kept)));
    let rest = name.strip_prefix("refs/").filter(|_| is_kept)?;
    rest.split('/').all(|part| !matches!(part, "" | "." | "..")).then_some(rest)
}

/// Whether a fetch with `refspec` writes below `kept`, or to it where it is no folder.
fn reaches(refspec: &str, kept: &str) -> bool {
    let Some((_, to)) = refspec.split_once(':').filter(|_| !refspec.starts_with('^')) else { return false };
    match to.split_once('*') {
        // `refs/opensession-remote/*` begins like no folder of ours.
        Some((before, _)) => kept.starts_with(before) || (kept.ends_with('/') && before.starts_with(kept)),
        None => to == kept || (kept.ends_with('/') && to.starts_with(kept)),
    }
}

/// Puts a file in the place of what was there, in one step.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.persist(path).map_err(|fault| fault.error)
    };
    match write() {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            write().map(drop)
        }
        other => other.map(drop),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, kept_part, reaches};

    #[test]
    fn a_refspec_over_our_references_is_known_by_its_right_side() {
        for (refspec, expected) in [
            ("+refs/opensession/*:refs/opensession/*", true),
            ("refs/opensession/branches/*:refs/opensession/branches/*", true),
            ("+refs/opensession/branches/bWFpbg:refs/opensession/branches/bWFpbg", true),
            ("+refs/*:refs/*", true),
            ("+refs/notes/*:refs/notes/*", true),
            ("+refs/notes/opensession:refs/notes/opensession", true),
            ("+refs/heads/*:refs/remotes/origin/*", false),
            ("+refs/opensession/*:refs/opensession-remote/origin/*", false),
            ("+refs/notes/*:refs/notes/origin/*", false),
            ("^refs/opensession/*", false),
            ("refs/opensession/branches/bWFpbg", false),
        ] {
            assert_eq!(KEPT.iter().any(|kept| reaches(refspec, kept)), expected, "{refspec}");
        }
    }

    #[test]
    fn only_names_of_ours_are_kept() {
        assert_eq!(kept_part("refs/opensession/branches/x"), Some("opensession/branches/x"));
        assert_eq!(kept_part("refs/notes/opensession"), Some("notes/opensession"));
        for other in ["refs/notes/opensession2", "refs/opensession-remote/a", "refs/heads/a", "refs/opensession/../a"] {
            assert_eq!(kept_part(other), None, "{other}");
        }
    }
}
