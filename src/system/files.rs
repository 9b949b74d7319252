//! Opening and reading files that somebody else may have put there.
//!
//! Beside an agent's log, in a work tree, or in a folder of state there can be anything: a pipe, which
//! blocks whoever opens it, a link to a device that never ends, a file larger than the memory. Every file
//! that this program reads is opened here, and `.ci/style` refuses any other way.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;

/// The most that is read of a small file, such as settings, state or a hook, in bytes: 16 MiB.
pub const SMALL: u64 = 16 << 20;
/// The most that is read of a file that grows with its use, in bytes: 512 MiB.
pub const LARGE: u64 = 512 << 20;
/// The largest file that is read piece by piece, in bytes: 64 GiB.
pub const STREAMED: u64 = 64 << 30;

/// Opens a regular file of at most `limit` bytes for reading.
///
/// # Errors
/// Those of the system, and when it is larger or no regular file.
pub fn open(path: &Path, limit: u64) -> io::Result<File> {
    // To open a device can have an effect, and a pipe waits for its other end: so it is looked at first,
    // opened without waiting, and looked at again, since it may be another file by then.
    let is_regular = |file: &std::fs::Metadata| if file.is_file() { Ok(()) } else { Err(refused(file)) };
    is_regular(&path.metadata()?)?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    is_regular(&metadata)?;
    if metadata.len() > limit {
        return Err(too_large(&format!("has {} bytes, more than the {limit} that are read", metadata.len())));
    }
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// Those of [`open`] and of the system.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, limit)?;
    // What the system makes up, as in /proc, has no size, and a file can grow.
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default());
    if file.take(limit + 1).read_to_end(&mut bytes)? as u64 > limit {
        return Err(too_large(&format!("has more than the {limit} bytes that are read")));
    }
    Ok(bytes)
}

/// Reads a regular file of at most `limit` bytes of UTF-8.
///
/// # Errors
/// Those of [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8"))
}

/// Reads the first bytes of a regular file, at most `length` of them.
///
/// # Errors
/// Those of the system, and when it is no regular file.
pub fn read_head(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    open(path, u64::MAX)?.take(length).read_to_end(&mut head)?;
    Ok(head)
}

/// Writes a file as a whole or not at all.
///
/// # Errors
/// Those of the system; the file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(())
}

/// Opens the file of an advisory lock, which is made where there is none.
///
/// # Errors
/// Those of the system, and when it is no regular file.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok(file) } else { Err(refused(&metadata)) }
}

fn refused(file: &std::fs::Metadata) -> io::Error {
    let kind = if file.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
    let what = if file.is_dir() { "is a folder, not a file" } else { "is not a regular file" };
    io::Error::new(kind, what)
}

fn too_large(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::ErrorKind, os::unix::fs::symlink, path::Path};

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::{open, open_lock, read, read_head, read_text};

    #[test]
    fn reads_regular_files_up_to_the_limit_and_refuses_all_else_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("four"), "four").expect("a file");
        mkfifo(&at("pipe"), Mode::S_IRWXU).expect("a pipe");
        symlink("pipe", at("link-to-pipe")).expect("a link");
        symlink("/dev/zero", at("link-to-device")).expect("a link");
        symlink("four", at("link-to-file")).expect("a link");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        let sparse = fs::File::create(at("sparse")).expect("a file");
        sparse.set_len(1 << 40).expect("room for nothing");
        for (name, expected) in [
            ("four", Ok(())),
            ("link-to-file", Ok(())),
            ("pipe", Err(ErrorKind::InvalidInput)),
            ("link-to-pipe", Err(ErrorKind::InvalidInput)),
            ("link-to-device", Err(ErrorKind::InvalidInput)),
            ("socket", Err(ErrorKind::InvalidInput)),
            (".", Err(ErrorKind::IsADirectory)),
            ("sparse", Err(ErrorKind::FileTooLarge)),
            ("none", Err(ErrorKind::NotFound)),
        ] {
            let path = at(name);
            let kind = |result: std::io::Result<()>| result.map_err(|fault| fault.kind());
            assert_eq!(kind(open(&path, 4).map(drop)), expected, "{name}");
            assert_eq!(kind(read(&path, 4).map(drop)), expected, "{name}");
            assert_eq!(kind(read_text(&path, 4).map(drop)), expected, "{name}");
        }
        assert_eq!(read(&at("four"), 3).map_err(|fault| fault.kind()), Err(ErrorKind::FileTooLarge));
        assert_eq!(read_head(&at("sparse"), 3).expect("a head"), [0; 3]);
        assert_eq!(read_head(&at("four"), 3).expect("a head"), b"fou");
        assert!(read_head(&at("pipe"), 3).is_err());
        assert!(open_lock(&at("pipe")).is_err());
        assert!(open_lock(&at("link-to-device")).is_err());
        assert!(open_lock(&at("new")).is_ok());
    }

    #[test]
    fn what_has_no_size_is_read_up_to_the_limit() {
        let path = Path::new("/proc/self/stat");
        if path.exists() {
            assert!(read(path, 1 << 20).is_ok_and(|bytes| bytes.len() > 3));
            assert_eq!(read(path, 3).map_err(|fault| fault.kind()), Err(ErrorKind::FileTooLarge));
        }
    }
}
