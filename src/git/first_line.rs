//! The first line of a blob, without the rest of it.

use std::{io::Read, process::Stdio};

use super::{
    GitError, ObjectId, Repository,
    process::{Git, wait},
};

/// The largest blob that is read as a whole for its first line, in bytes.
const MAX_WHOLE_BYTES: u64 = 64 * 1024;

/// How many first lines of larger blobs are read: each takes a process.
const MAX_FIRST_LINES: usize = 2000;

impl Repository {
    /// The first line of a blob, without its line feed; `limit` bytes of it where it is longer. A large blob is
    /// not read on, and none is read twice.
    ///
    /// # Errors
    /// When it is missing or damaged, or too many were read already.
    pub fn first_line(&self, id: ObjectId, limit: usize) -> Result<Vec<u8>, GitError> {
        if let Some(line) = self.first_lines.borrow().get(&id) {
            return Ok(line.clone());
        }
        let start = if self.object_size(id)? <= MAX_WHOLE_BYTES {
            self.read_blob(id, MAX_WHOLE_BYTES)?
        } else {
            self.start_of(id, limit)?
        };
        let end = memchr::memchr(b'\n', &start).unwrap_or(start.len());
        let line = start[..end.min(limit)].to_vec();
        self.first_lines.borrow_mut().insert(id, line.clone());
        Ok(line)
    }

    /// The first `limit` bytes of a blob, of which git inflates no more.
    fn start_of(&self, id: ObjectId, limit: usize) -> Result<Vec<u8>, GitError> {
        if self.first_lines.borrow().len() >= MAX_FIRST_LINES {
            let cause = format!("more than {MAX_FIRST_LINES} blobs to look into");
            return Err(GitError::Failed { action: "reading the first line of a blob", cause });
        }
        let id = id.to_string();
        let git = self.git(&["-c", "core.bigFileThreshold=1k", "cat-file", "blob", &id]);
        let start = git.env("GIT_NO_LAZY_FETCH", "1").run_for_start(limit)?;
        self.inflated.set(self.inflated.get().saturating_add(start.len() as u64));
        if start.is_empty() {
            return Err(GitError::Failed { action: "reading a blob", cause: format!("git cannot read {id}") });
        }
        Ok(start)
    }
}

impl Git {
    /// Reads the first `limit` bytes of what it prints, and ends it then.
    pub(super) fn run_for_start(mut self, limit: usize) -> Result<Vec<u8>, GitError> {
        let subcommand = self.subcommand.clone();
        let failed = |message: String| GitError::Process { command: subcommand.clone(), message };
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = self.command.spawn().map_err(|fault| failed(format!("cannot run git: {fault}")))?;
        let mut start = Vec::new();
        if let Some(pipe) = child.stdout.take() {
            // What was read before a failure is still what git said. The pipe is closed then, which ends git.
            let _ = pipe.take(limit as u64).read_to_end(&mut start);
        }
        wait(&mut child, self.limit).map_err(|fault| failed(fault.to_string()))?;
        Ok(start)
    }
}
