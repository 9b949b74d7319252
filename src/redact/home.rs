//! Finds home directories, whose paths name a person.

use std::{ops::Range, path::PathBuf};

/// Directories beside the homes that belong to nobody.
const SHARED: [&str; 9] = ["shared", "public", "default", "all", "linuxbrew", "guest", "index", "runner", "user"];

/// The home directories that are known, and how others look.
#[derive(Debug)]
pub(super) struct Homes {
    /// The paths, and how agents write them in the names of their own files; longest first.
    known: Vec<String>,
}

impl Homes {
    pub(super) fn new(homes: &[PathBuf]) -> Self {
        let paths = homes.iter().filter_map(|home| home.to_str()).map(|home| home.trim_end_matches(['/', '\\']));
        let mut known: Vec<String> = paths
            // The root of a file system is in every path.
            .filter(|home| home.len() > 3)
            .flat_map(|home| {
                [home.to_owned(), home.replace('\\', "\\\\"), home.replace(['/', '\\', '.', '_', ':'], "-")]
            })
            .collect();
        known.sort_by_key(|home| std::cmp::Reverse(home.len()));
        known.dedup();
        Self { known }
    }

    /// What to look for besides the keywords of the rule.
    pub(super) fn known(&self) -> &[String] {
        &self.known
    }
}

/// The range of a known home at `range`, when it is a whole path and not a part of another.
pub(super) fn known(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let encoded = bytes[range.start] == b'-';
    let after = bytes.get(range.end).is_none_or(|byte| (encoded && *byte == b'-') || !is_name_byte(*byte));
    after.then(|| path_from(bytes, range.start, encoded)).flatten().map(|start| start..range.end)
}

/// The home directory of anybody, of which `keyword` is the part up to the person's name.
pub(super) fn find(text: &str, keyword: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let encoded = bytes[keyword.start] == b'-';
    let drive = drive_before(bytes, keyword.start);
    // Keywords are found without regard to case, but `/users/` is a route, not a directory.
    let exact = ["home", "Users"].contains(&text[keyword.clone()].trim_matches(['/', '-', '\\']));
    if drive.is_none() && (!exact || bytes[keyword.start] == b'\\') {
        return None;
    }
    let slashes = bytes[keyword.end..].iter().take(8).take_while(|byte| **byte == b'\\').count();
    let from = keyword.end + slashes;
    let name = bytes[from..].iter().take_while(|byte| is_name_byte(**byte) && !(encoded && **byte == b'-')).count();
    let person = text.get(from..from + name)?;
    let next = bytes.get(from + name);
    let goes_on = next.is_some_and(|byte| matches!(byte, b'/' | b'\\') || (encoded && *byte == b'-'));
    let followed = goes_on || drive.is_some() || bytes[keyword.clone()].starts_with(b"/Users/");
    let start = drive.unwrap_or(keyword.start);
    let is_home = followed && is_person(person, next);
    is_home.then(|| path_from(bytes, start, encoded)).flatten().map(|start| start..from + name)
}

/// Where the letter of a drive stands, when a colon and slashes are all that is between.
fn drive_before(bytes: &[u8], start: usize) -> Option<usize> {
    let slashes = bytes[..start].iter().rev().take(8).take_while(|byte| **byte == b'\\').count();
    let colon = (start - slashes).checked_sub(1).filter(|at| bytes[*at] == b':')?;
    colon.checked_sub(1).filter(|at| bytes[*at].is_ascii_alphabetic())
}

/// Whether `name` is a person's and `next`, what follows it, does not make it a part of something else.
fn is_person(name: &str, next: Option<&u8>) -> bool {
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let shared = SHARED.iter().any(|shared| name.eq_ignore_ascii_case(shared));
    let open = next.is_some_and(|byte| matches!(byte, b'$' | b'{' | b'<' | b'*' | b'[') || !byte.is_ascii());
    begins && name.len() <= 32 && !shared && !open
}

/// Where the path begins that is at `start`; `None` where it is the middle of another. In the head of a diff
/// it stands behind `a` or `b`, whose slash remains.
fn path_from(bytes: &[u8], start: usize, encoded: bool) -> Option<usize> {
    let is_side = bytes[start] == b'/' && (bytes[..start].ends_with(b" a") || bytes[..start].ends_with(b" b"));
    if is_side { Some(start + 1) } else { begins_path(bytes, start, encoded).then_some(start) }
}

fn begins_path(bytes: &[u8], start: usize, encoded: bool) -> bool {
    let Some(before) = start.checked_sub(1) else { return true };
    match bytes[before] {
        b'/' | b'\\' if encoded => true,
        _ if encoded => false,
        // The letter of an escape such as \n.
        b'n' | b'r' | b't' if before > 0 && bytes[before - 1] == b'\\' => true,
        byte => !byte.is_ascii_alphanumeric() && !b"~._-})]*/".contains(&byte),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
