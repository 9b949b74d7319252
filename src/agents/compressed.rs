//! Logs that an agent compressed with zstd, as Codex does with those that rested for a week.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// How a frame of zstd begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How much is read of a compressed log, in bytes of its text: 4 GiB. A small file can hold any amount.
const MAX_BYTES: u64 = 4 << 30;

/// What `reader` gives, decompressed where it is compressed. Memory is bounded by the window of the format.
pub(super) fn plain<'a>(mut reader: impl BufRead + 'a) -> Box<dyn BufRead + 'a> {
    // A fault comes again when the reader is read.
    if !reader.fill_buf().is_ok_and(|head| head.starts_with(&MAGIC)) {
        return Box::new(reader);
    }
    let frames = Frames { reader, decoder: FrameDecoder::new(), is_open: false, left: MAX_BYTES };
    Box::new(BufReader::with_capacity(1 << 17, frames))
}

/// The frames of a compressed file, one after another.
struct Frames<R> {
    reader: R,
    decoder: FrameDecoder,
    /// Whether the decoder is in a frame.
    is_open: bool,
    left: u64,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; `false` at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.reader.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.reader) {
                Ok(()) => {
                    self.is_open = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut self.reader).take(length.into()), &mut io::sink())?;
                }
                Err(fault) => return Err(broken(&fault)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_open && !self.begin()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.reader, one).map_err(|fault| broken(&fault))?;
            }
            let read = self.decoder.read(buffer)?;
            if read == 0 {
                self.is_open = false;
                continue;
            }
            self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("more than {MAX_BYTES} bytes when decompressed"))
            })?;
            return Ok(read);
        }
    }
}

fn broken(fault: &FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not readable as zstd: {fault}"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::plain;

    fn read(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        plain(bytes).read_to_end(&mut text).map(|_| text)
    }

    #[test]
    fn frames_are_decompressed_one_after_another_and_everything_else_stays_as_it_is() {
        let text = b"{\"a\":1}\n".repeat(50_000);
        let frame = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let file = [frame(&text), skipped, frame(b""), frame(b"{}\n")].concat();
        assert_eq!(read(&file).expect("it is sound"), [&text[..], b"{}\n"].concat());
        for other in [&b""[..], b"{}", b"\x28\xb5", &text] {
            assert_eq!(read(other).expect("it is no frame"), other);
        }
    }

    #[test]
    fn a_broken_file_says_what_it_is() {
        let mut file = compress_to_vec(&b"{}\n".repeat(1000)[..], CompressionLevel::Fastest);
        file.truncate(file.len() - 2);
        let fault = read(&file).expect_err("it breaks off");
        assert!(fault.to_string().contains("zstd"), "{fault}");
    }
}
