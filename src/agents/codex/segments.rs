//! Threads in several files: since 0.15x a resumed thread goes on in `rollout-<time>-<thread>_<segment>.jsonl`.

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{
    super::{Log, LogFile, Scope, compressed::plain},
    all_logs,
};
use crate::system::files;

/// How much of a log is looked at for how it keeps its thread, in bytes.
const HEAD_BYTES: u64 = 64 * 1024;

/// The name of a rollout without its endings.
pub(super) fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".zst").unwrap_or(name);
    Some(name.strip_suffix(".jsonl").unwrap_or(name))
}

/// The thread in the name of a rollout, and whether the file is a later segment of it.
pub(super) fn thread_of(path: &Path) -> Option<(&str, bool)> {
    let stem = stem(path)?;
    let (stem, is_segment) = stem.rsplit_once('_').map_or((stem, false), |(stem, _)| (stem, true));
    let thread = stem.get(stem.len().checked_sub(36)?..)?;
    let is_id = thread.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then_some((thread, is_segment))
}

/// Puts the segments of each thread together: one log, named after its first file.
pub(super) fn join(logs: Vec<LogFile>) -> Vec<LogFile> {
    let is_segmented = |log: &LogFile| thread_of(&log.path).is_some_and(|(_, is_segment)| is_segment);
    if !logs.iter().any(is_segmented) {
        return logs;
    }
    let mut threads: BTreeMap<String, Vec<LogFile>> = BTreeMap::new();
    let mut others = Vec::new();
    for log in logs {
        match thread_of(&log.path) {
            Some((thread, _)) => threads.entry(thread.to_owned()).or_default().push(log),
            None => others.push(log),
        }
    }
    for (thread, logs) in threads {
        if logs.iter().any(is_segmented) {
            others.extend(joined(&thread, logs));
        } else {
            others.extend(logs);
        }
    }
    others
}

/// The log of a thread with all its segments, where there are several.
pub(super) fn whole(log: LogFile) -> LogFile {
    let Some((thread, is_segment)) = thread_of(&log.path).filter(|_| log.part.is_none()) else { return log };
    if !is_segment && !is_paginated(&log.path) {
        return log;
    }
    let files = files_of(&log.path, thread);
    let is_alone = files.len() < 2;
    joined(thread, files).filter(|_| !is_alone).unwrap_or(log)
}

/// Whether a thread may go on in other files.
fn is_paginated(path: &Path) -> bool {
    let mut head = Vec::new();
    let file = files::open(path, files::STREAMED);
    let read = file.and_then(|file| plain(BufReader::new(file)).take(HEAD_BYTES).read_to_end(&mut head));
    read.is_ok() && memchr::memmem::find(&head, b"\"paginated\"").is_some()
}

fn joined(thread: &str, mut logs: Vec<LogFile>) -> Option<LogFile> {
    sort(&mut logs);
    let modified = logs.iter().map(|log| log.modified).max()?;
    let size = logs.iter().map(|log| log.size).sum();
    let first = logs.into_iter().next()?;
    Some(LogFile { modified, size, ..first.part(thread, None) })
}

/// Sorts files by the time in their names, wherever they are; of a file that was archived meanwhile one counts.
fn sort(logs: &mut Vec<LogFile>) {
    logs.sort_by(|one, other| stem(&one.path).cmp(&stem(&other.path)).then(other.size.cmp(&one.size)));
    logs.dedup_by(|one, other| stem(&one.path) == stem(&other.path));
}

/// The files of a thread, in the home of the agent that `path` is in.
fn files_of(path: &Path, thread: &str) -> Vec<LogFile> {
    let is_tree = |folder: &&Path| folder.ends_with("sessions") || folder.ends_with("archived_sessions");
    let home = path.ancestors().find(is_tree).and_then(Path::parent);
    let mut found = home.map_or_else(Vec::new, |home| all_logs(home, &Scope::default()));
    found.retain(|log| thread_of(&log.path).is_some_and(|(own, _)| own == thread));
    if found.is_empty() {
        found.extend(LogFile::at(path.to_owned()));
    }
    sort(&mut found);
    found
}

/// Reads all files of a thread as one log.
pub(super) fn open<'a>(log: &Log<'a>, thread: &str) -> Log<'a> {
    let paths = log.path.map_or_else(Vec::new, |path| files_of(path, thread));
    let paths: Vec<PathBuf> = paths.into_iter().map(|log| log.path).collect();
    let joined = Joined { paths: paths.into_iter(), current: None };
    Log::new(BufReader::with_capacity(1 << 17, joined), log.path)
}

/// Files one after another, each of which ends a line.
struct Joined {
    paths: std::vec::IntoIter<PathBuf>,
    current: Option<Box<dyn Read>>,
}

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.paths.next() else { return Ok(0) };
                let file = plain(BufReader::with_capacity(1 << 17, files::open(&path, files::STREAMED)?));
                self.current = Some(Box::new(file.chain(&b"\n"[..])));
                continue;
            };
            let read = current.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::thread_of;

    #[test]
    fn a_name_tells_the_thread_and_whether_it_goes_on_from_another_file() {
        let thread = "01a0aaaa-0000-7000-8000-000000000001";
        let segment = "01a0aaaa-0000-7000-8000-000000000002";
        for (name, expected) in [
            (format!("rollout-2026-10-05T08-00-00-{thread}.jsonl"), Some((thread, false))),
            (format!("rollout-2026-10-05T08-00-00-{thread}.jsonl.zst"), Some((thread, false))),
            (format!("rollout-2026-10-05T08-00-00-{thread}_{segment}.jsonl"), Some((thread, true))),
            (format!("rollout-2026-10-05T08-00-00-{thread}_{segment}.jsonl.zst"), Some((thread, true))),
            ("rollout-a.jsonl".to_owned(), None),
            ("rollout_without_an_id_that_is_hexadecimal_x.jsonl".to_owned(), None),
        ] {
            assert_eq!(thread_of(Path::new(&name)), expected, "{name}");
        }
    }
}
