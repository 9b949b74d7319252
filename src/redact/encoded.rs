//! Finds texts that stand in base64 or in hexadecimal digits in another text.
//!
//! Every so many letters one is looked at: only where it may be part of a run that is long enough, the run is
//! looked at as a whole, and decoded where it begins with what can be read.

use std::ops::Range;

use super::inline;

/// The shortest run that may hold a secret, in letters.
const LEAST: usize = 24;

/// How much of a run tells whether it can be read, in letters: a multiple of four.
const SAMPLE: usize = 24;

/// The longest run that is decoded, in letters.
const MOST: usize = 1 << 20;

/// The shortest line of base64 that may go on in the next, in letters.
const LEAST_LINE: usize = 56;

/// The texts in `text` that stand there encoded, with their places; tells `seen` every run that is long enough.
pub(super) fn all(text: &str, mut seen: impl FnMut(Range<usize>)) -> Vec<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::new(), LEAST - 1);
    // Lines that are nothing when they are joined are not joined once more.
    let mut apart_to = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) {
            at += LEAST;
            continue;
        }
        let before = bytes[at + 1 - LEAST..at].iter().rev().take_while(|byte| is_part(**byte)).count();
        let start = at - before;
        let end = start + bytes[start..].iter().take_while(|byte| is_part(**byte)).count();
        let mut read = None;
        if end - start >= LEAST {
            seen(start + bytes[start..end].iter().take_while(|byte| b"+/-_".contains(byte)).count()..end);
            let ends = if start < apart_to { vec![padded(bytes, end)] } else { ends(bytes, start, end) };
            // The word on the next line may be one of the text around it.
            read = ends.iter().find_map(|end| read_run(text, start..*end));
            apart_to = apart_to.max(ends[0]);
        }
        at = read.as_ref().map_or(end, |(range, _)| range.end) + LEAST;
        found.extend(read);
    }
    found
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// Where base64 that may be wrapped may end, with its padding: after all lines, all but the last, or the first.
fn ends(bytes: &[u8], start: usize, end: usize) -> Vec<usize> {
    let mut ends = vec![end];
    let mut line = start;
    while let Some(&end) = ends.last().filter(|end| *end - line >= LEAST_LINE) {
        let gap = bytes[end..].iter().take(32).take_while(|byte| byte.is_ascii_whitespace()).count();
        let next = end + gap;
        let more = bytes[next..].iter().take_while(|byte| is_part(**byte)).count();
        if !bytes[end..next].contains(&b'\n') || more == 0 || more > end - line {
            break;
        }
        line = next;
        ends.push(next + more);
    }
    let tried = ends.iter().rev().take(2).chain(ends.first());
    tried.map(|end| padded(bytes, *end)).collect()
}

fn padded(bytes: &[u8], end: usize) -> usize {
    end + bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count()
}

/// What a run is, all of it or behind its last slash: an address may come before it.
fn read_run(text: &str, run: Range<usize>) -> Option<(Range<usize>, String)> {
    let written = &text[run.clone()];
    let trimmed = run.end - written.trim_start_matches(['/', '-', '_', '+']).len();
    let slash = written.rfind('/').map(|at| run.start + at + 1).filter(|start| run.end - start >= LEAST);
    [Some(trimmed), slash].into_iter().flatten().find_map(|start| {
        let range = start..run.end.min(start + MOST);
        decoded(&text[range.clone()]).map(|read| (range, read))
    })
}

fn decoded(run: &str) -> Option<String> {
    if run.len() < LEAST {
        return None;
    }
    if run.len().is_multiple_of(2) && run.bytes().take(SAMPLE).all(|byte| byte.is_ascii_hexdigit()) {
        let bytes = run.as_bytes().as_chunks::<2>().0.iter().map(|digits| hex(*digits));
        if let Some(text) = bytes.collect::<Option<Vec<u8>>>().and_then(|bytes| inline::text_of(&bytes)) {
            return Some(text);
        }
    }
    let sample = inline::decode(run.get(..SAMPLE)?)?;
    // A zero is half of a character of two bytes.
    let is_readable = sample.iter().all(|byte| matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..));
    let letters = sample.iter().filter(|byte| byte.is_ascii_graphic()).count();
    if !is_readable || letters * 3 < sample.len() {
        return None;
    }
    inline::text_of(&inline::decode(run)?)
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::{super::inline::encode, all};

    #[test]
    fn texts_are_read_in_whatever_they_are_encoded() {
        let text = "the text that stands there, however long it is and whatever comes behind";
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = base64::engine::general_purpose::STANDARD.encode(wide);
        let wrapped = format!("{}\n    {}", &encode(text)[..60], &encode(text)[60..]);
        for written in [encode(text), URL_SAFE_NO_PAD.encode(text), hex.clone(), hex.to_uppercase(), wide, wrapped] {
            for around in ["", "x: \"", "https://example.org/a/", "é "] {
                let whole = format!("{around}{written}\" and more");
                let found = all(&whole, |_| ());
                assert_eq!(found.len(), 1, "{whole}");
                assert_eq!(found[0].1, text, "{whole}");
                assert_eq!(&whole[found[0].0.clone()], written, "{whole}");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_none() {
        for text in [
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "/usr/share/some/very/long/path/to/a/file/that/goes/on",
            "getAccessTokenFromTheCacheOrMakeOne",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
            "short",
            "",
        ] {
            assert!(all(text, |_| ()).is_empty(), "{text}: {:?}", all(text, |_| ()));
        }
    }
}
