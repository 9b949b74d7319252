//! Paths of a session, compared with the folders of this repository.

use std::path::{Component, Path, PathBuf};

/// Whether a directory is neither in one of `roots`, nor above.
#[must_use]
pub fn is_elsewhere(cwd: &Path, roots: &[PathBuf]) -> bool {
    let is_near = |cwd: &Path| roots.iter().any(|root| cwd.starts_with(root) || root.starts_with(cwd));
    !is_near(cwd) && !cwd.canonicalize().is_ok_and(|real| is_near(&real))
}

/// A path that a session gave, without `.` and `..`.
#[must_use]
pub fn absolute(path: &str, directory: &Path) -> PathBuf {
    let path = directory.join(path);
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// The path below one of `roots` where that takes following symbolic links, else as it is: an agent
/// that was started through a link may have noted the link.
#[must_use]
pub fn in_roots(path: PathBuf, roots: &[PathBuf]) -> PathBuf {
    if below(&path, roots).is_some() {
        return path;
    }
    let real = path.parent().and_then(|folder| folder.canonicalize().ok()).zip(path.file_name());
    let real = real.map(|(folder, name)| folder.join(name));
    real.filter(|real| below(real, roots).is_some()).unwrap_or(path)
}

/// A folder as git names it, and as the kernel does.
#[must_use]
pub fn forms_of(root: &Path) -> Vec<PathBuf> {
    let mut forms = vec![root.to_owned()];
    forms.extend(root.canonicalize().ok().filter(|canonical| canonical != root));
    forms
}

/// The path below one of `roots`, with `/`, as git writes it.
#[must_use]
pub fn below(path: &Path, roots: &[PathBuf]) -> Option<String> {
    let relative = roots.iter().find_map(|root| path.strip_prefix(root).ok())?;
    let relative = relative.to_str()?;
    (!relative.is_empty() && !relative.starts_with(".git/")).then(|| relative.to_owned())
}
