//! The files that the operands of a program name.

use super::{effect::How, token::Word};

/// Whether a redirection goes to no file.
pub(super) fn is_device(path: &str) -> bool {
    path.is_empty() || path.starts_with("/dev/") || path.eq_ignore_ascii_case("nul")
}

/// What is done to the file that a word names; to any file where only running the script would tell.
pub(super) fn named(word: &Word, how: How) -> (String, How) {
    if word.is_open() || word.text.contains("{}") {
        return (String::new(), if how == How::Reverted { how } else { How::Anything });
    }
    let path = word.text.strip_prefix("./").filter(|path| !path.is_empty()).unwrap_or(&word.text);
    (path.to_owned(), how)
}

/// `mv a b`: where `b` may be a folder, both paths are given.
pub(super) fn moves(operands: &[&Word], folder: Option<&str>, has_more: bool) -> Vec<(String, How)> {
    let (target, sources) = match (folder, operands.split_last()) {
        (Some(folder), _) => (Word::of(folder), operands),
        (None, Some((target, sources))) => ((*target).clone(), sources),
        (None, None) => return Vec::new(),
    };
    if has_more || target.is_open() || sources.iter().any(|word| word.is_open()) {
        return vec![(String::new(), How::Anything)];
    }
    let mut found = Vec::new();
    for source in sources {
        let how = How::Moved { from: named(source, How::Changed).0 };
        let name = source.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let has_extension = |path: &str| path.trim_start_matches('.').contains('.');
        let last = target.text.rsplit('/').next().unwrap_or_default();
        let is_surely_folder = folder.is_some() || sources.len() > 1 || is_folder(&target.text);
        // `mv a.rs b.rs` names no folder; `mv a.rs b` may.
        if is_surely_folder || (has_extension(name) && !has_extension(last)) {
            found.push(named(&Word::of(&within(&target.text, &source.text)), how.clone()));
        }
        if !is_surely_folder {
            found.push(named(&target, how));
        }
    }
    found
}

pub(super) fn is_folder(path: &str) -> bool {
    path.ends_with('/') || matches!(path.rsplit('/').next(), Some("." | ".." | "~"))
}

pub(super) fn within(folder: &str, path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    match folder.trim_end_matches('/') {
        "." if !folder.starts_with('/') => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// The files that a patch names.
pub(super) fn patched(patch: Option<&str>) -> Vec<(String, How)> {
    let mut found = Vec::new();
    for line in patch.unwrap_or_default().lines() {
        let headers = ["*** Update File: ", "*** Add File: ", "*** Move to: "];
        if let Some(path) = line.strip_prefix("*** Delete File: ") {
            found.push((path.trim().to_owned(), How::Removed));
        } else if let Some(path) = headers.iter().find_map(|header| line.strip_prefix(header)) {
            found.push((path.trim().to_owned(), How::Changed));
        } else if let Some(path) = line.strip_prefix("+++ ").map(|path| path.split('\t').next().unwrap_or(path).trim())
        {
            let inside = path.strip_prefix("b/").unwrap_or(path);
            found.extend((!is_device(path)).then(|| (inside.to_owned(), How::Changed)));
        }
    }
    if found.is_empty() {
        found.push((String::new(), How::Anything));
    }
    found
}
