//! Tells from the name of a key what its value is.

use super::Profile;

/// How much a key's name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// A password, which a person may have chosen.
    Password,
    /// A secret that a machine made.
    Secret,
    /// Likely a secret: a key of something.
    Likely,
    /// Perhaps a secret: only a value that looks random is one.
    Perhaps,
}

/// Words at the end of a name that say nothing.
const NEUTRAL: [&str; 24] = [
    "value",
    "val",
    "base",
    "str",
    "string",
    "text",
    "raw",
    "plain",
    "base64",
    "b64",
    "hex",
    "prod",
    "dev",
    "live",
    "env",
    "new",
    "old",
    "bytes",
    "confirmation",
    "confirm",
    "again",
    "repeat",
    "default",
    "test",
];

/// Words before `key` that make it a secret.
const SECRET_KEYS: [&str; 31] = [
    "api",
    "secret",
    "access",
    "private",
    "auth",
    "signing",
    "encryption",
    "master",
    "account",
    "service",
    "app",
    "shared",
    "client",
    "consumer",
    "license",
    "session",
    "jwt",
    "webhook",
    "admin",
    "deploy",
    "subscription",
    "token",
    "crypto",
    "cipher",
    "aes",
    "hmac",
    "user",
    "write",
    "server",
    "storage",
    "application",
];

/// Words before `key` or `token` that make it harmless.
const HARMLESS: [&str; 64] = [
    "public",
    "pub",
    "primary",
    "foreign",
    "cache",
    "sort",
    "partition",
    "index",
    "lookup",
    "object",
    "query",
    "map",
    "dict",
    "group",
    "unique",
    "row",
    "item",
    "react",
    "state",
    "config",
    "event",
    "locale",
    "translation",
    "i18n",
    "host",
    "idempotency",
    "routing",
    "redis",
    "next",
    "page",
    "continuation",
    "max",
    "stop",
    "eos",
    "bos",
    "pad",
    "sync",
    "cancellation",
    "cancel",
    "special",
    "prompt",
    "input",
    "output",
    "design",
    "css",
    "syntax",
    "lexer",
    "current",
    "prev",
    "previous",
    "first",
    "last",
    "is",
    "has",
    "no",
    "type",
    "function",
    "method",
    "tool",
    "dedup",
    "xsrf",
    "site",
    "publishable",
    "hashed",
];

/// Words at the end of a name that are a secret's only where much is taken for one.
const STRICT: [&str; 16] = [
    "nonce",
    "sid",
    "signature",
    "sig",
    "pin",
    "otp",
    "cookie",
    "cert",
    "keys",
    "private",
    "code",
    "verifier",
    "login",
    "bearer",
    "hash",
    "xkey",
];

/// Other words for a password, most of them in one with what it is for.
const PASSWORDS: [&str; 27] = [
    "userpass",
    "dbpass",
    "rootpass",
    "adminpass",
    "storepass",
    "keypass",
    "requirepass",
    "masterpass",
    "masterauth",
    "smtppass",
    "mailpass",
    "ftppass",
    "sshpass",
    "authpass",
    "loginpass",
    "httppass",
    "proxypass",
    "vncpass",
    "ldappass",
    "mysqlpass",
    "bindpw",
    "rootpw",
    "userpw",
    "adminpw",
    "dbpw",
    "bindpasswd",
    "kennwort",
];

/// The promise in the name of a key, by its last words: `DB_PASSWORD`, `clientSecret`, `x-api-key`.
pub(super) fn promise(name: &str, profile: Profile) -> Option<Promise> {
    let mut words = Words { rest: name.as_bytes() };
    let last = words.find(|word| !word.iter().all(u8::is_ascii_digit) && !is_any(word, &NEUTRAL))?;
    let digits = last.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let last = &last[..last.len() - digits];
    let before = words.next().unwrap_or_default();
    let promise = promise_of(last, before, profile)?;
    let harmless = || is_any(before, &HARMLESS) || has(name.as_bytes(), b"public");
    (promise == Promise::Password || !harmless()).then_some(promise)
}

/// The promise of a name's last word, and the word before it.
fn promise_of(last: &[u8], before: &[u8], profile: Profile) -> Option<Promise> {
    if ends(last, &["password", "passwd", "passphrase", "passwort"])
        || is_any(last, &["pass", "pwd", "pw", "pswd", "psw"])
        || is_any(last, &PASSWORDS)
    {
        Some(Promise::Password)
    } else if ends(last, &["apikey", "secretkey", "accesskey", "privatekey", "authkey", "token", "secret"])
        || is_any(last, &["credential", "credentials", "salt"])
    {
        Some(Promise::Secret)
    } else if is_any(last, &["key"]) && !before.is_empty() {
        Some(if is_any(before, &SECRET_KEYS) { Promise::Secret } else { Promise::Likely })
    } else if is_any(last, &["key", "auth", "authorization", "jwt", "seed", "nkey", "tokens", "secrets"]) {
        Some(Promise::Perhaps)
    } else if profile == Profile::Strict && is_any(last, &STRICT) {
        Some(Promise::Likely)
    } else {
        None
    }
}

fn is_any(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
}

fn ends(word: &[u8], endings: &[&str]) -> bool {
    let end = |length: usize| word.len().checked_sub(length).map(|start| &word[start..]);
    endings.iter().any(|ending| end(ending.len()).is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes())))
}

fn has(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|here| here.eq_ignore_ascii_case(part))
}

/// The words of an identifier from the last to the first: parted by `_`, `-` and changes of case.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = 1 + self.rest.iter().rposition(u8::is_ascii_alphanumeric)?;
        let mut start = end - 1;
        while start > 0 && self.rest[start - 1].is_ascii_alphanumeric() && !starts_word(&self.rest[..end], start) {
            start -= 1;
        }
        let word = &self.rest[start..end];
        self.rest = &self.rest[..start];
        Some(word)
    }
}

/// Whether a change of case at `at`, which is not the beginning, begins a word: `apiKey`, `HMACKey`.
fn starts_word(name: &[u8], at: usize) -> bool {
    let before = name[at - 1];
    let before_lower = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    name[at].is_ascii_uppercase()
        && (before.is_ascii_lowercase() || before.is_ascii_digit() || (before_lower && before.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::{Promise, Words, promise};
    use crate::redact::Profile;

    #[test]
    fn names_are_split_into_words() {
        let words = |name: &'static str| {
            let mut words: Vec<&[u8]> = Words { rest: name.as_bytes() }.collect();
            words.reverse();
            words.into_iter().map(String::from_utf8_lossy).collect::<Vec<_>>()
        };
        assert_eq!(words("AWS_SECRET_ACCESS_KEY"), ["AWS", "SECRET", "ACCESS", "KEY"]);
        assert_eq!(words("HMACSecretKey2"), ["HMAC", "Secret", "Key2"]);
        assert_eq!(words("x-api-key"), ["x", "api", "key"]);
    }

    #[test]
    fn the_last_words_decide() {
        for name in ["DB_PASSWORD", "dbpassword", "password2", "userPass", "pwd"] {
            assert_eq!(promise(name, Profile::Default), Some(Promise::Password), "{name}");
        }
        for name in ["clientSecret", "x-api-key", "AUTH_TOKEN_PROD", "AccessToken", "secretAccessKey"] {
            assert_eq!(promise(name, Profile::Default), Some(Promise::Secret), "{name}");
        }
        assert_eq!(promise("alchemy_key", Profile::Default), Some(Promise::Likely));
        assert_eq!(promise("key", Profile::Default), Some(Promise::Perhaps));
        for name in
            ["token_id", "max_tokens", "tokenizer", "public_key", "nextPageToken", "author", "secret_name", "keys"]
        {
            assert_eq!(promise(name, Profile::Default), None, "{name}");
        }
    }
}
