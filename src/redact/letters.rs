//! Tells words from letters that follow no word's rules.

/// Which letters follow each letter, from a to z, in words: no other pair is one of four in ten thousand.
const FOLLOWERS: [&str; 26] = [
    "bcdfghiklmnprstuvwxy",
    "aeilorsuy",
    "acehiklmorstuy",
    "adeilorstu",
    "abcdefghiklmnopqrstuvwxy",
    "aefilorstuy",
    "aeghilnorsu",
    "aeiortu",
    "abcdefgklmnoprstvxz",
    "aeou",
    "aeilosu",
    "acdeilopstuvy",
    "abeilmopsu",
    "acdefgiklnopstuvy",
    "abcdefgiklmnoprstuvw",
    "aehiloprstuy",
    "u",
    "abcdefgiklmnoprstuvy",
    "acefhiklmnopstuwy",
    "acdefhilmoprstuwy",
    "abcdefgilmnprst",
    "aeio",
    "aehinors",
    "ceipt",
    "aeimnpst",
    "aei",
];

/// Whether `value` is nothing but letters that do not follow each other so in words: one pair in four at least, and
/// two in all.
pub(super) fn is_no_word(value: &str) -> bool {
    let letters = value.as_bytes();
    let follows = |pair: &&[u8]| {
        let row = usize::from(pair[0].to_ascii_lowercase() - b'a');
        FOLLOWERS[row].as_bytes().contains(&pair[1].to_ascii_lowercase())
    };
    if letters.len() < 5 || !letters.iter().all(u8::is_ascii_alphabetic) {
        return false;
    }
    let rare = letters.windows(2).filter(|pair| !follows(pair)).count();
    rare >= 2 && rare * 4 >= letters.len()
}

#[cfg(test)]
mod tests {
    use super::is_no_word;

    #[test]
    fn letters_that_do_not_follow_each_other_in_words_are_no_word() {
        for word in ["technology", "algorithm", "passwort", "contrasena", "required", "pwd"] {
            assert!(!is_no_word(word), "{word}");
        }
        assert!(is_no_word("utxgaqb") && is_no_word("tbropdoxt") && is_no_word("jlrfvqawre"));
    }
}
