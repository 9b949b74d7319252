//! Tells cheaply which logs cannot be of a repository.

use std::{
    io::{self, Read},
    path::PathBuf,
};

use memchr::memmem::Finder;

/// How much of a log is searched at once, in bytes.
const CHUNK: usize = 1 << 18;

/// Whether what `log` gives names a folder of `roots`. A log that does not cannot have changed a file there, so that
/// it need not be parsed. The last part of a root is looked for: the parts before it differ where a path is relative
/// or leads through a symbolic link. A name that JSON may escape counts as named.
///
/// # Errors
/// Those of the reader.
pub fn mentions(mut log: impl Read, roots: &[PathBuf]) -> io::Result<bool> {
    let mut names = Vec::new();
    for root in roots {
        let Some(name) = root.file_name().and_then(|name| name.to_str()) else { return Ok(true) };
        if !name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\/&<>'".contains(&byte)) {
            return Ok(true);
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    let finders: Vec<Finder<'_>> = names.iter().map(Finder::new).collect();
    let overlap = names.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut text = Vec::with_capacity(CHUNK + overlap);
    loop {
        let read = log.by_ref().take(CHUNK as u64).read_to_end(&mut text)?;
        if finders.iter().any(|finder| finder.find(&text).is_some()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // A name may begin in one piece and end in the next.
        text.drain(..text.len().saturating_sub(overlap));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{CHUNK, mentions};

    fn is_named(log: &str, root: &str) -> bool {
        mentions(log.as_bytes(), &[PathBuf::from(root)]).expect("a log in memory")
    }

    #[test]
    fn a_log_names_a_folder_by_any_path_to_it() {
        let cases = [
            (r#"{"path":"/srv/kite/a.txt"}"#, "/srv/kite", true),
            (r#"{"path":"../kite/a.txt"}"#, "/srv/kite", true),
            (r#"{"path":"/link/kite"}"#, "/srv/kite", true),
            (r#"{"path":"/srv/lamp/a.txt"}"#, "/srv/kite", false),
            ("", "/srv/kite", false),
            // JSON may escape these, and the root of the file system has no name.
            ("{}", "/srv/kité", true),
            ("{}", "/srv/a b", true),
            ("{}", "/", true),
        ];
        for (log, root, expected) in cases {
            assert_eq!(is_named(log, root), expected, "{log} {root}");
        }
    }

    #[test]
    fn a_name_across_two_pieces_of_a_log_is_found() {
        for before in CHUNK - 5..CHUNK + 2 {
            assert!(is_named(&format!("{}kite", "-".repeat(before)), "/srv/kite"), "{before}");
        }
    }
}
