//! Tells secrets from placeholders, identifiers and object ids.

/// Parts of values that people write where a secret would stand.
const STAND_INS: [&str; 34] = [
    "example",
    "changeme",
    "change_me",
    "change-me",
    "your",
    "placeholder",
    "dummy",
    "sample",
    "fake",
    "xxxx",
    "****",
    "....",
    "redacted",
    "removed",
    "todo",
    "insert",
    "replace",
    "${",
    "{{",
    "$(",
    "#{",
    "<%",
    "%s",
    "%{",
    "%(",
    "...",
    "•••",
    "hidden",
    "masked",
    "[redacted:",
    "goeshere",
    "goes_here",
    "notareal",
    "deadbeef",
];

/// Values that are words about secrets rather than secrets, letters only.
const WORDS: [&str; 70] = [
    "password",
    "passwd",
    "pass",
    "passphrase",
    "pwd",
    "pswd",
    "psw",
    "secret",
    "secrets",
    "token",
    "apikey",
    "key",
    "test",
    "testing",
    "admin",
    "root",
    "user",
    "username",
    "login",
    "string",
    "number",
    "boolean",
    "none",
    "null",
    "true",
    "false",
    "undefined",
    "required",
    "optional",
    "default",
    "value",
    "text",
    "foo",
    "bar",
    "foobar",
    "letmein",
    "qwerty",
    "abc",
    "abcd",
    "abcdef",
    "postgres",
    "mysql",
    "mypassword",
    "mysecret",
    "mytoken",
    "unset",
    "wachtwoord",
    "passwort",
    "kennwort",
    "contrasena",
    "contrasenya",
    "motdepasse",
    "senha",
    "parola",
    "parole",
    "heslo",
    "haslo",
    "jelszo",
    "lozinka",
    "salasana",
    "losenord",
    "adgangskode",
    "passord",
    "sifre",
    "parool",
    "geslo",
    "katasandi",
    "matkhau",
    "palavrapasse",
    "slaptazodis",
];

/// The Shannon entropy of `bytes`, in bits per byte.
pub(super) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u16; 256];
    for &byte in bytes.iter().take(4096) {
        counts[usize::from(byte)] += 1;
    }
    let total = f32::from(u16::try_from(bytes.len().min(4096)).unwrap_or(u16::MAX));
    let share = |&count: &u16| {
        let share = f32::from(count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(share).sum()
}

/// Whether `value` is a git object id or a UUID.
pub(super) fn is_object_id(value: &str) -> bool {
    let bytes = value.as_bytes();
    let hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    match bytes.len() {
        40 | 64 => hex(bytes),
        36 => bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}

/// Beginnings of the ids that agents and their providers give to calls, messages and answers.
const RECORD_IDS: [&str; 14] = [
    "toolu_",
    "srvtoolu_",
    "call_",
    "msg_",
    "req_",
    "resp_",
    "chatcmpl-",
    "fc_",
    "rs_",
    "ses_",
    "prt_",
    "run_",
    "thread_",
    "asst_",
];

/// Whether `value` is the id of a tool call, a message or an answer.
pub(super) fn is_record_id(value: &str) -> bool {
    RECORD_IDS.iter().any(|prefix| value.starts_with(prefix))
}

/// Beginnings of keys and digests that everybody may see.
const PUBLIC: [&str; 17] = [
    "pk_test_",
    "pk_live_",
    "phc_",
    "AIza",
    "ssh-rsa",
    "ssh-ed25519",
    "ecdsa-sha2-",
    "AAAAB3NzaC1",
    "AAAAC3NzaC1",
    "AAAAE2VjZHNh",
    "sha1-",
    "sha256-",
    "sha384-",
    "sha512-",
    "sha1:",
    "sha256:",
    "sha512:",
];

/// Whether `value` is a key that is published, or a digest. What of them may be a secret has a rule of its own.
pub(super) fn is_public(value: &str) -> bool {
    let is_point = value.len() == 87
        && value.starts_with('B')
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_point || PUBLIC.iter().any(|prefix| value.starts_with(prefix))
}

/// Whether `value` is a word of another language than of programs: no digit, and a letter beyond ASCII.
pub(super) fn is_foreign_word(value: &str) -> bool {
    value.chars().any(|letter| !letter.is_ascii() && letter.is_alphabetic())
        && !value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Parts of values that name what should stand there.
const NAMES: [&str; 7] = ["password", "passwd", "passw", "passphrase", "passwort", "mysecret", "secretkey"];

/// How many letters or digits one after the other, as in `abcdef`, are typed rather than made by a generator.
const SEQUENCE: usize = 6;

/// Whether `value` stands in for a secret, names a variable, or is code, a path or prose.
pub(super) fn is_placeholder(value: &str) -> bool {
    if is_stand_in(value) {
        return true;
    }
    let letters: String = value.chars().filter(char::is_ascii_alphabetic).collect();
    let letters = letters.to_ascii_lowercase();
    // A person may make a password of the word and a year.
    let is_extended = value.bytes().rev().take_while(u8::is_ascii_digit).count() >= 3;
    WORDS.contains(&letters.as_str()) || (!is_extended && NAMES.iter().any(|name| letters.contains(name)))
}

/// Whether `value` has letters or digits one after the other, as in `0123456789abcdef`.
pub(super) fn has_sequence(value: &str) -> bool {
    let follows = |pair: &[u8]| pair[0].is_ascii_alphanumeric() && pair[0] + 1 == pair[1];
    let mut run = 1;
    value.as_bytes().windows(2).any(|pair| {
        run = if follows(pair) { run + 1 } else { 1 };
        run >= SEQUENCE
    })
}

/// The same, but for words about secrets.
pub(super) fn is_stand_in(value: &str) -> bool {
    let bytes = value.as_bytes();
    let variable = match bytes {
        [b'$' | b'&' | b'@' | b'%', name @ ..] => {
            name.iter().all(|byte| is_identifier_byte(*byte) || *byte == b'%') || begins_with_variable(bytes)
        }
        _ => false,
    };
    let enclosed = match bytes {
        [b'<', .., b'>'] | [b'[', .., b']'] => true,
        [b'{', name @ .., b'}'] => name.iter().all(|byte| is_identifier_byte(*byte)),
        _ => false,
    };
    let path = bytes.starts_with(b"/") || bytes.starts_with(b"~") || value.contains("://") || value.contains("./");
    // The last takes longest.
    variable || enclosed || path || value.contains(' ') || has_few_letters(bytes) || has_stand_in(value)
}

fn has_stand_in(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    STAND_INS.iter().any(|part| lower.contains(part))
}

/// Whether `value`, which a password is set to, is several words: what says where the password comes from, or what it
/// must be, is none.
pub(super) fn is_passphrase(value: &str) -> bool {
    let words = value.split(' ').filter(|word| !word.is_empty()).count();
    let speaks_of_one = value.split(|c: char| !c.is_ascii_alphabetic()).any(is_word_about_secrets);
    (2..=16).contains(&words)
        && (12..=256).contains(&value.len())
        && !value.contains(['$', '`', '{', '<', '/', '='])
        && !speaks_of_one
        && !has_stand_in(value)
}

fn is_word_about_secrets(word: &str) -> bool {
    word.len() >= 4 && WORDS.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether `value` is made of less than four letters, of either case.
fn has_few_letters(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in value {
        seen[usize::from(byte.to_ascii_lowercase())] = true;
    }
    seen.into_iter().filter(|seen| *seen).count() < 4
}

/// Whether `value` is a word about secrets, alone or with a number, or a plain word of a few letters.
pub(super) fn is_word(value: &str) -> bool {
    let letters = value.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    WORDS.contains(&letters.as_str())
}

/// Whether the name of a variable begins `value`, followed by a path: `$base/login`.
fn begins_with_variable(value: &[u8]) -> bool {
    let name = value[1..].iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    value[0] == b'$' && name >= 2 && value.get(1 + name) == Some(&b'/')
}

/// Whether `value` is long, mixed and irregular enough to have come out of a generator.
pub(super) fn looks_random(value: &str) -> bool {
    let length = value.len();
    if length < 16 || !value.is_ascii() || is_object_id(value) {
        return false;
    }
    let changes = changes_class(value);
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let has_entropy = |least: f32| entropy(value.as_bytes()) >= least;
    if digits && letters {
        changes * 6 >= length && has_entropy(3.0)
    } else {
        length >= 24 && changes * 3 >= length && has_entropy(4.0) && is_unpronounceable(value, 4)
    }
}

/// How often `value` goes directly from one of lower case, upper case and digits to another.
pub(super) fn changes_class(value: &str) -> usize {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    value
        .as_bytes()
        .windows(2)
        .filter(|pair| class(pair[0]) * class(pair[1]) > 0 && class(pair[0]) != class(pair[1]))
        .count()
}

/// Whether `value` is made of words and numbers, such as `my-test-token2`.
pub(super) fn is_wordy(value: &str) -> bool {
    let word = |piece: &str| {
        let letters = piece.trim_end_matches(|c: char| c.is_ascii_digit());
        let suffix = piece.len() - letters.len();
        (letters.is_empty() || suffix <= 3)
            && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !is_unpronounceable(letters, 5)
    };
    value.split(['-', '_', '.', '/', ':', ',', ' ']).all(word)
}

/// Whether `value` has `run` consonants in a row, as few words have.
pub(super) fn is_unpronounceable(value: &str, run: usize) -> bool {
    let consonant = |byte: u8| byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(&byte);
    value.as_bytes().split(|byte| !consonant(*byte)).any(|consonants| consonants.len() >= run)
}

/// Whether `byte` may stand in an identifier.
pub(super) fn is_identifier_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::{is_object_id, is_placeholder, is_wordy, looks_random};

    #[test]
    fn generated_values_look_random_and_names_do_not() {
        for value in
            ["8f3kD02mXq91LpZ7", "d4e5f6a7b8c9d0e1f2a3b4c5d6e7f809", "bUyulWBhmLYDB/I7QDMBB/fMwIbgUCYOUWJJUUST"]
        {
            assert!(looks_random(value), "{value}");
        }
        for value in
            ["claude-opus-4-5-20251101", "getAccessTokenFromCache", "my-application-v2-token", "12345678901234567890"]
        {
            assert!(!looks_random(value), "{value}");
        }
    }

    #[test]
    fn object_ids_are_known() {
        assert!(is_object_id("3f786850e387550fdab836ed7e6dc881de23001b"));
        assert!(is_object_id("019c9e6f-4fc8-7a93-aceb-ca158bd3ed77"));
        assert!(!is_object_id("019c9e6f-4fc8-7a93-aceb"));
    }

    #[test]
    fn stand_ins_are_known() {
        for value in [
            "<your-key>",
            "${TOKEN}",
            "$TOKEN",
            "{token}",
            "changeme123",
            "xxxxxxxx",
            "Password1",
            "/etc/key",
            "[REDACTED:x:00000000]",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        assert!(!is_placeholder("h7x!kQ2z"));
        assert!(is_wordy("different-token2"));
        assert!(!is_wordy("dtjzbvoemcaprc"));
    }
}
