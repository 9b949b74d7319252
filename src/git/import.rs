//! Stores many blobs as one pack rather than a loose object each.

use super::{GitError, ObjectId, Repository};

/// Blobs that are stored together.
#[derive(Debug, Default)]
pub struct Import {
    stream: Vec<u8>,
}

impl Import {
    /// Takes a blob, which is stored by [`Import::finish`]; its id is known at once.
    ///
    /// # Errors
    /// When it cannot be hashed.
    pub fn add(&mut self, repository: &Repository, bytes: &[u8]) -> Result<ObjectId, GitError> {
        let id = repository.blob_id(bytes)?;
        if !repository.has_object(id) {
            self.stream.extend_from_slice(format!("blob\ndata {}\n", bytes.len()).as_bytes());
            self.stream.extend_from_slice(bytes);
            self.stream.push(b'\n');
        }
        Ok(id)
    }

    /// Stores the blobs, all or none.
    ///
    /// # Errors
    /// When the object store cannot be written.
    pub fn finish(mut self, repository: &Repository) -> Result<(), GitError> {
        if self.stream.is_empty() {
            return Ok(());
        }
        self.stream.extend_from_slice(b"done\n");
        // git keeps what is less than `fastimport.unpackLimit` loose.
        // Speed matters now, and the next `git gc` packs tightly: light compression, no search for
        // long chains of differences.
        let arguments = ["-c", "pack.compression=1", "fast-import", "--quiet", "--depth=1", "--done"];
        repository.git(&arguments).input(self.stream).run()?.require()?;
        Ok(())
    }
}
