//! Scripts that cannot run: of another system's line ends, or for a program that is not there.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    install::Installed,
    manager::{Manager, contains},
};
use crate::system::files;

/// Why the hook at `path`, or one it runs, cannot run, each with its file.
#[must_use]
pub fn faults(hook: &Installed, search_path: &OsStr) -> Vec<(PathBuf, String)> {
    let top = hook.path.with_file_name(hook.hook);
    let mut paths = vec![top, hook.path.clone()];
    paths.extend(hook.chained.iter().chain(&hook.beside).cloned());
    paths.dedup();
    let is_shared = hook.manager == Some(Manager::Husky);
    let faults = paths.into_iter().map(|path| (fault(&path, is_shared, search_path), path));
    faults.filter_map(|(fault, path)| fault.map(|fault| (path, fault))).collect()
}

fn fault(path: &Path, is_script: bool, search_path: &OsStr) -> Option<String> {
    let content = files::read(path, files::SMALL).ok()?;
    if !is_script && !content.starts_with(b"#!") {
        return None;
    }
    if contains(&content, b"\r\n") {
        return Some("has the line ends of Windows (CRLF), which a shell does not understand".to_owned());
    }
    if is_script {
        // husky runs it with sh, whatever its first line says.
        return None;
    }
    let line = content.split(|byte| *byte == b'\n').next()?.strip_prefix(b"#!")?;
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let program = Path::new(words.next()?);
    if !program.exists() {
        return Some(format!("is for {}, which is not there", program.display()));
    }
    if !program.ends_with("env") {
        return None;
    }
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    let is_found = std::env::split_paths(search_path).any(|folder| folder.join(name).is_file());
    (!is_found).then(|| format!("is for {name}, which is not on the PATH"))
}
