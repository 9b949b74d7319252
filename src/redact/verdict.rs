//! Decides whether a value is a secret, by what it stands under, how it is written, and what it is made of.

use super::{
    Profile,
    key_name::{Promise, promise},
    letters::{by_length, is_no_word, likeness},
    notation::{MAX_VALUE, Notation},
    value::{
        changes_class, has_sequence, is_foreign_word, is_object_id, is_placeholder, is_public, is_record_id,
        is_stand_in, is_unpronounceable, is_word, is_wordy, looks_random,
    },
};

/// The shortest value that is a secret, in bytes.
const MIN_VALUE: usize = 4;

/// The longest value of which a sequence of letters or digits makes a stand-in, in bytes.
const LONGEST_TYPED: usize = 16;

/// How many bytes of a value tell what it is.
const TELLING: usize = 256;

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// What the name of its key promises.
    pub(super) promise: Promise,
    pub(super) notation: Notation,
    /// Whether the key is written as variables of the environment are: then a bare value is no name of another one.
    pub(super) is_variable: bool,
}

/// Whether `value`, which a document stores under `key`, is a secret.
pub(super) fn is_secret_under(key: &str, value: &str, profile: Profile) -> bool {
    let place = |promise| Place { promise, notation: Notation::Quoted, is_variable: false };
    (MIN_VALUE..=MAX_VALUE).contains(&value.len())
        && promise(key, profile).is_some_and(|promise| place(promise).has_secret(value, profile))
}

impl Place {
    /// Whether `value`, which stands here, is a secret.
    pub(super) fn has_secret(self, value: &str, profile: Profile) -> bool {
        if value.len() > MAX_VALUE || is_public(value) || is_foreign_word(value) || is_between_strings(value) {
            return false;
        }
        let value = telling(value);
        // What takes longest comes last: few values are mixed enough to get there.
        let found = (self.likely(value) && !is_placeholder(value) && !is_typed(value))
            || (profile == Profile::Strict && self.possible(value) && !is_stand_in(value));
        let is_password = self.promise == Promise::Password;
        found && !is_record_id(value) && (self.notation == Notation::Quoted || !is_code(value, is_password))
    }

    /// Whether `value` is mixed as secrets are, as much as its key and its notation leave in doubt.
    fn likely(self, value: &str) -> bool {
        let Mixture { digits, letters, symbols } = Mixture::of(value);
        let mixed = digits && letters && !is_wordy(value);
        let Self { promise, notation, .. } = self;
        if notation == Notation::Directive {
            return mixed && value.len() >= 6 && is_given_alone(promise, value);
        }
        if notation == Notation::Spoken && promise == Promise::Password && value.len() >= 8 && mixed && symbols {
            return true;
        }
        match promise {
            Promise::Password => self.likely_password(value) || (mixed && (looks_random(value) || is_long(value))),
            Promise::Secret => self.likely_secret(value) || (mixed && (looks_random(value) || is_long(value))),
            Promise::Perhaps => (mixed && looks_random(value)) || self.is_made_up(value, 12, -8),
            Promise::Likely => {
                (mixed && looks_random(value))
                    || (mixed && is_long(value) && notation != Notation::Spoken)
                    || self.is_made_up(value, 12, -8)
            }
        }
    }

    fn likely_password(self, value: &str) -> bool {
        let Mixture { digits, letters, symbols } = Mixture::of(value);
        if self.is_variable && self.notation != Notation::Spoken && digits && letters && value.len() >= 8 {
            return true;
        }
        match self.notation {
            Notation::Quoted | Notation::Tight => {
                let least = if self.notation == Notation::Quoted || self.is_variable { 4 } else { 5 };
                (value.len() >= least && is_no_word(value))
                    || self.is_made_up(value, 5, -3)
                    || (value.len() >= 6
                        && ((digits && letters) || symbols || is_unpronounceable(value, 4))
                        && !is_plain_word(value.trim_end_matches(|c: char| c.is_ascii_punctuation()))
                        && !(value.contains(['-', '_', '.', '/']) && is_wordy(value)))
            }
            Notation::Bare => {
                looks_random(value)
                    || (value.len() >= 8 && digits && letters && (symbols || changes_class(value) >= 3))
                    || (self.is_variable && is_no_word(value))
                    || self.is_made_up(value, 5, -3)
            }
            Notation::Directive | Notation::Spoken => false,
        }
    }

    fn likely_secret(self, value: &str) -> bool {
        let Mixture { digits, letters, symbols } = Mixture::of(value);
        let mixed = digits && letters && !is_wordy(value);
        match self.notation {
            Notation::Quoted | Notation::Tight => {
                (is_object_id(value) && digits)
                    || looks_random(value)
                    || (mixed && value.len() >= 8 && (changes_class(value) >= 2 || symbols || value.len() >= 16))
                    || self.is_made_up(value, 6, -4)
            }
            Notation::Bare => is_object_id(value) || looks_random(value) || self.is_made_up(value, 16, -8),
            Notation::Directive | Notation::Spoken => false,
        }
    }

    /// Whether `value` is made of letters that are no words, perhaps with digits and dashes among them: of so many bytes at
    /// least, and at most so like words.
    fn is_made_up(self, value: &str, least: usize, most: i32) -> bool {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        self.notation != Notation::Spoken
            && value.len() >= least
            && value.bytes().all(is_part)
            && !value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
            && value.bytes().filter(u8::is_ascii_alphabetic).count() >= 4
            && likeness(value) <= most.min(by_length(value))
    }

    /// Whether `value` may be a secret: also one that a person chose, and one that is short.
    fn possible(self, value: &str) -> bool {
        let Mixture { digits, letters, symbols } = Mixture::of(value);
        let quoted = self.notation == Notation::Quoted;
        let fits = match self.promise {
            Promise::Password => value.len() >= 4 && !is_word(value),
            Promise::Secret => {
                value.len() >= 6 && (digits || symbols || (quoted && value.len() >= 8)) && !is_word(value)
            }
            Promise::Likely | Promise::Perhaps => {
                value.len() >= 8 && digits && letters && !is_object_id(value) && !is_wordy(value)
            }
        };
        fits && self.notation != Notation::Spoken
    }
}

/// The beginning of a value, which tells as much as the whole.
fn telling(value: &str) -> &str {
    let end = (0..=value.len().min(TELLING)).rev().find(|end| value.is_char_boundary(*end));
    &value[..end.unwrap_or(0)]
}

/// Whether `value`, which stands beside its name without a sign, is mixed enough to be no other word.
fn is_given_alone(promise: Promise, value: &str) -> bool {
    let is_password = Mixture::of(value).symbols || changes_class(value) >= 3 || is_unpronounceable(value, 5);
    looks_random(value)
        || is_object_id(value)
        || is_long(value)
        || (value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || (promise == Promise::Password && is_password)
}

/// Which kinds of letters a value has.
struct Mixture {
    digits: bool,
    letters: bool,
    symbols: bool,
}

impl Mixture {
    fn of(value: &str) -> Self {
        Self {
            digits: value.bytes().any(|byte| byte.is_ascii_digit()),
            letters: value.bytes().any(|byte| byte.is_ascii_alphabetic()),
            symbols: value.bytes().any(|byte| byte.is_ascii_punctuation() && !b"_-.,:;/".contains(&byte)),
        }
    }
}

/// Whether `value` is a word in small letters.
fn is_plain_word(value: &str) -> bool {
    !is_unpronounceable(value, 4) && value.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether `value` is so long that no person types it, and of one piece.
fn is_long(value: &str) -> bool {
    value.len() >= 20 && !is_object_id(value) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether `value` is short and has letters or digits as they stand beside each other on a keyboard or in the alphabet.
fn is_typed(value: &str) -> bool {
    value.len() <= LONGEST_TYPED && has_sequence(value)
}

/// Whether `value` is what stands between two strings of a program rather than in one, as in `"key=").append("`.
fn is_between_strings(value: &str) -> bool {
    value.starts_with([')', ',']) || value.starts_with(" +") || value.starts_with("+ ")
}

/// Whether a bare value is an expression of a programming language.
fn is_code(value: &str, may_have_signs: bool) -> bool {
    let identifier = |piece: &str| {
        piece.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') && !looks_random(piece)
    };
    value.contains(['(', '[', '{', '|', '\\'])
        || (value.contains(['*', '&']) && !(may_have_signs && value.starts_with(|c: char| c.is_ascii_alphanumeric())))
        || value.contains("::")
        || value.contains("->")
        || (value.contains('.') && value.split('.').all(identifier))
}
