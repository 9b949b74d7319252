//! A log as it is at one moment, whatever its agent writes meanwhile.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::open;
use crate::{
    error::Result,
    hail::{ObjectHash, last_line_end},
};

/// An open log and how long it was then.
pub(super) struct LogSnapshot {
    file: File,
    size: u64,
}

impl LogSnapshot {
    /// Opens the log at `path`.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Where its last complete line ends, in bytes; never before `from`.
    pub(super) fn line_end(&mut self, from: u64) -> io::Result<u64> {
        last_line_end(&mut self.file, from).map(|end| end.min(self.size))
    }

    /// The hashes of what comes before each of `places`, which are in order.
    pub(super) fn hash<const N: usize>(&mut self, places: [u64; N]) -> io::Result<[ObjectHash; N]> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 17];
        let mut at = 0;
        let mut read_to = |end: u64| -> io::Result<ObjectHash> {
            let mut rest = (&self.file).take(end.saturating_sub(at));
            loop {
                let read = rest.read(&mut buffer)?;
                if read == 0 {
                    return Ok(ObjectHash::from_digest(hasher.clone().finalize().into()));
                }
                hasher.update(&buffer[..read]);
                at += read as u64;
            }
        };
        let mut before = [ObjectHash::from_digest([0; 32]); N];
        for (hash, place) in before.iter_mut().zip(places) {
            *hash = read_to(place)?;
        }
        Ok(before)
    }

    /// What it holds from `offset` on.
    pub(super) fn from(mut self, offset: u64) -> io::Result<BufReader<io::Take<File>>> {
        self.file.seek(SeekFrom::Start(offset))?;
        Ok(BufReader::with_capacity(1 << 17, self.file.take(self.size.saturating_sub(offset))))
    }
}
