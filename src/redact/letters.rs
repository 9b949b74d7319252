//! Tells words from letters that follow no word's rules.

/// How much likelier each letter is behind two others in words than by chance: a row for each two, the border of a word
/// first. `benches/letters.py` makes it.
static TABLE: &[u8] = include_bytes!("letters.txt");

/// How many letters there are, the border of a word included.
const LETTERS: usize = 27;

/// What the table adds to each logarithm.
const OFFSET: i32 = 7;

/// How much of a value tells what it is, in bytes.
const TELLING: usize = 64;

/// How likely `value` is made of words, by its letters: the binary logarithm of how much likelier they are in words than
/// by chance.
pub(super) fn likeness(value: &str) -> i32 {
    let bytes = &value.as_bytes()[..value.len().min(TELLING)];
    let (mut sum, mut before) = (0, [0, 0]);
    for (at, byte) in bytes.iter().enumerate() {
        let letter = if byte.is_ascii_alphabetic() { usize::from(byte.to_ascii_lowercase() - b'a') + 1 } else { 0 };
        if before[1] > 0 && at > 0 && bytes[at - 1].is_ascii_lowercase() && byte.is_ascii_uppercase() {
            sum += ratio(before, 0);
            before = [0, 0];
        }
        if letter > 0 || before[1] > 0 {
            sum += ratio(before, letter);
        }
        before = if letter > 0 { [before[1], letter] } else { [0, 0] };
    }
    if before[1] > 0 { sum + ratio(before, 0) } else { sum }
}

fn ratio(before: [usize; 2], letter: usize) -> i32 {
    let row = before[0] * LETTERS + before[1];
    let digit = TABLE.get(row * (LETTERS + 1) + letter).and_then(|digit| char::from(*digit).to_digit(16));
    digit.map_or(0, |digit| digit.cast_signed() - OFFSET)
}

/// How like words a value of this length may be at most to be none: several words in one are less like words than one.
pub(super) fn by_length(value: &str) -> i32 {
    i32::try_from(value.len() / 2).map_or(i32::MIN, |half| -half)
}

/// Whether `value` is nothing but letters that do not follow each other so in words.
pub(super) fn is_no_word(value: &str) -> bool {
    let most = match value.len() {
        0..4 => return false,
        4 => -4,
        5..8 => -2,
        _ => by_length(value),
    };
    value.bytes().all(|byte| byte.is_ascii_alphabetic()) && likeness(value) <= most
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, TABLE, is_no_word};

    #[test]
    fn the_table_has_a_row_for_each_two_letters() {
        assert_eq!(TABLE.len(), LETTERS * LETTERS * (LETTERS + 1));
        let is_row = |row: &[u8]| row.len() == LETTERS && row.iter().all(u8::is_ascii_hexdigit);
        assert!(TABLE.strip_suffix(b"\n").expect("a last line").split(|byte| *byte == b'\n').all(is_row));
    }

    #[test]
    fn letters_that_do_not_follow_each_other_in_words_are_no_word() {
        for word in [
            "technology",
            "algorithm",
            "passwort",
            "contrasena",
            "required",
            "pwd",
            "getUserName",
            "TestString",
            "wachtwoord",
            "motdepasse",
            "hunter",
            "dragon",
            "config",
        ] {
            assert!(!is_no_word(word), "{word}");
        }
        for value in ["utxgaqb", "tbropdoxt", "jlrfvqawre", "zqqs", "fxzol", "nkkflkqncbt", "EnwqaEqcPBjmy"] {
            assert!(is_no_word(value), "{value}");
        }
    }
}
