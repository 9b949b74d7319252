//! Where the lines of a session wait: the first ones in memory up to a bound, the others in a temporary file
//! without a name.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    ops::{Deref, Range},
};

use memmap2::MmapMut;

/// How many bytes of lines stay in memory: 48 MiB.
pub(super) const MAX_MEMORY: usize = 48 * 1024 * 1024;
/// How many bytes are put aside at once: few enough to stay in the processor's cache.
pub(super) const BLOCK: usize = 256 * 1024;

/// Lines, one after the other: some in memory, and after them a file.
#[derive(Debug, Default)]
pub(super) struct Arena {
    memory: Memory,
    file: Option<File>,
    in_memory: usize,
    pub(super) written: u64,
}

#[derive(Debug)]
enum Memory {
    /// The only block, or what comes after the lines of another session.
    Block(Vec<u8>),
    Mapped(MmapMut),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Block(Vec::new())
    }
}

impl Memory {
    /// Of every page that is touched the system clears a small one at a time, which costs more than to
    /// write it, unless it is told that large ones are welcome.
    fn map() -> io::Result<MmapMut> {
        let memory = MmapMut::map_anon(MAX_MEMORY)?;
        #[cfg(target_os = "linux")]
        // A system without large pages has small ones.
        let _ = memory.advise(memmap2::Advice::HugePage);
        Ok(memory)
    }

    /// Writes `bytes` at `start`.
    fn put(&mut self, start: usize, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Block(block) if start > 0 => block.extend_from_slice(bytes),
            Self::Block(_) => {
                *self = Self::Mapped(Self::map()?);
                return self.put(start, bytes);
            }
            Self::Mapped(memory) => memory[start..start + bytes.len()].copy_from_slice(bytes),
        }
        Ok(())
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Block(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
}

impl Arena {
    /// Begins with lines that are there already.
    pub(super) fn after(mut lines: Vec<u8>) -> io::Result<Self> {
        let mut arena = Self::default();
        if lines.len() > MAX_MEMORY {
            arena.put(&mut lines)?;
        } else {
            (arena.written, arena.in_memory) = (lines.len() as u64, lines.len());
            arena.memory = Memory::Block(lines);
        }
        Ok(arena)
    }

    /// Puts `block` aside and leaves it empty.
    pub(super) fn put(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        self.written += block.len() as u64;
        let end = self.in_memory + block.len();
        if self.file.is_none() && end <= MAX_MEMORY {
            self.memory.put(self.in_memory, block)?;
            self.in_memory = end;
        } else {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(tempfile::tempfile()?),
            };
            file.write_all(block)?;
        }
        block.clear();
        block.shrink_to(2 * BLOCK);
        Ok(())
    }

    /// Puts the last block aside, which may be the only one.
    pub(super) fn put_last(&mut self, mut block: Vec<u8>) -> io::Result<()> {
        if self.written > 0 || block.len() > MAX_MEMORY {
            return self.put(&mut block);
        }
        (self.written, self.in_memory) = (block.len() as u64, block.len());
        self.memory = Memory::Block(block);
        Ok(())
    }

    /// Writes them all.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.memory[..self.in_memory])?;
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        file.seek(SeekFrom::Start(0))?;
        let mut rest = BufReader::with_capacity(BLOCK, file.take(self.written - self.in_memory as u64));
        while let block @ [_, ..] = rest.fill_buf()? {
            out.write_all(block)?;
            let written = block.len();
            rest.consume(written);
        }
        Ok(())
    }

    /// Writes some of their bytes, in any order.
    pub(super) fn write_at(&self, ranges: impl Iterator<Item = Range<u64>>, out: &mut dyn Write) -> io::Result<()> {
        let mut at = u64::MAX;
        for Range { start, end } in ranges {
            match self.file.as_ref() {
                Some(mut file) if start >= self.in_memory as u64 => {
                    if at != start {
                        file.seek(SeekFrom::Start(start - self.in_memory as u64))?;
                    }
                    io::copy(&mut file.take(end - start), out)?;
                    at = end;
                }
                _ => {
                    let place = |at: u64| usize::try_from(at).map_err(io::Error::other);
                    out.write_all(&self.memory[place(start)?..place(end)?])?;
                }
            }
        }
        Ok(())
    }
}
