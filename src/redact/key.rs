//! The repository's key for placeholders. It never leaves the repository's git directory.

use crate::system::files;
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// Reads the key, or makes one of 32 random bytes that only the user can read.
///
/// # Errors
/// When it can neither be read nor made, or what is there is no key.
pub fn load_key(path: &Path) -> io::Result<[u8; 32]> {
    match files::read(path, files::SMALL) {
        Ok(bytes) => key_of(&bytes),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => make(path),
        Err(fault) => Err(fault),
    }
}

fn make(path: &Path) -> io::Result<[u8; 32]> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::from)?;
    // A temporary file is readable by its owner only, and appears under its name as a whole.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&key)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(key),
        // Another process made one at the same moment.
        Err(_) if path.exists() => key_of(&files::read(path, files::SMALL)?),
        Err(fault) => keep_alone(fault.file, path, key),
    }
}

/// Keeps the key on a disk that cannot give a file a name only if nobody has it, such as exFAT: there
/// a lock keeps others away.
fn keep_alone(file: tempfile::NamedTempFile, path: &Path, key: [u8; 32]) -> io::Result<[u8; 32]> {
    let lock = files::open_lock(&path.with_extension("lock"))?;
    lock.lock()?;
    if path.exists() {
        return key_of(&files::read(path, files::SMALL)?);
    }
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(key)
}

fn key_of(bytes: &[u8]) -> io::Result<[u8; 32]> {
    bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "redaction.key does not have 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::load_key;

    #[test]
    fn a_key_is_made_once_and_stays_the_same() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("state/redaction.key");
        let key = load_key(&path).expect("a key");
        assert_eq!(load_key(&path).expect("the key"), key);
        assert_ne!(key, [0; 32]);
        std::fs::write(&path, "short").expect("a file");
        assert!(load_key(&path).is_err(), "a damaged key must not silently become another");
    }
}
