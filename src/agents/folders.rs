//! Folders named after working directories, and the logs in folders.

use std::path::{Path, PathBuf};

use super::{LogFile, Scope};

/// The names that folders have for sessions in, above or below a directory.
pub(super) struct Names {
    above: Vec<String>,
    below: Vec<String>,
}

impl Names {
    /// The names by `encode`, which gives the beginning and the end of a name.
    pub(super) fn of(folder: &Path, encode: fn(&Path) -> (String, &'static str)) -> Self {
        let mut names = Self { above: Vec::new(), below: Vec::new() };
        let canonical = folder.canonicalize().ok();
        for folder in [Some(folder), canonical.as_deref()].into_iter().flatten() {
            names.above.extend(folder.ancestors().map(encode).map(|(begin, end)| begin + end));
            names.below.push(format!("{}-", encode(folder).0.trim_end_matches('-')));
        }
        names
    }

    /// Whether a folder of that name may hold sessions of the directory.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        self.above.iter().any(|above| above == name) || self.below.iter().any(|below| name.starts_with(below.as_str()))
    }
}

/// The folders in a folder whose names `is_wanted`.
pub(super) fn folders(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let wanted = entries.filter(|entry| is_wanted(&entry.file_name().to_string_lossy()));
    wanted.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The files in a folder whose names `is_wanted`.
pub(super) fn files(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<LogFile> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let wanted = entries.filter(|entry| is_wanted(&entry.file_name().to_string_lossy()));
    wanted.filter_map(|entry| LogFile::of(&entry)).collect()
}

/// Whether a file of that name is a log of JSON lines.
pub(super) fn is_jsonl(name: &str) -> bool {
    has_extension(name, "jsonl")
}

/// Whether a name has that extension.
pub(super) fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == extension)
}

/// Leaves out what was not modified in the time that `scope` asks for and what was found twice, and sorts by
/// path: as text, since paths compare part by part, which takes longer than to look at the files.
pub(super) fn in_scope(mut found: Vec<LogFile>, scope: &Scope<'_>) -> Vec<LogFile> {
    found.retain(|log| scope.since.is_none_or(|since| log.modified >= since));
    found.sort_by(|one, other| one.path.as_os_str().cmp(other.path.as_os_str()));
    found.dedup_by(|one, other| one.path.as_os_str() == other.path.as_os_str());
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Names;

    #[test]
    fn a_folder_is_found_under_its_own_name_and_those_above_and_below() {
        let encode = |folder: &Path| (format!("--{}", folder.to_string_lossy()[1..].replace('/', "-")), "--");
        let names = Names::of(Path::new("/home/ann/kite"), encode);
        for name in ["--home-ann-kite--", "--home-ann--", "--home-ann-kite-web--"] {
            assert!(names.may_hold(name), "{name}");
        }
        for name in ["--home-ann-kites--", "--home-bob--"] {
            assert!(!names.may_hold(name), "{name}");
        }
    }
}
