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
const NEUTRAL: [&str; 17] = [
    "value", "val", "str", "string", "text", "raw", "plain", "base64", "b64", "hex", "prod", "dev", "live", "env",
    "new", "old", "bytes",
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
const HARMLESS: [&str; 61] = [
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

/// The promise in the name of a key, by its last words: `DB_PASSWORD`, `clientSecret`, `x-api-key`.
pub(super) fn promise(name: &str, profile: Profile) -> Option<Promise> {
    let words = words(name);
    let mut words: &[String] = &words;
    while let [rest @ .., last] = words
        && (last.bytes().all(|byte| byte.is_ascii_digit()) || NEUTRAL.contains(&last.as_str()))
    {
        words = rest;
    }
    let (last, before) = words.split_last()?;
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let before = before.last().map_or("", String::as_str);
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| last.ends_with(suffix));
    if ends(&["password", "passwd", "passphrase", "passwort"]) || ["pass", "pwd", "userpass", "dbpass"].contains(&last)
    {
        Some(Promise::Password)
    } else if HARMLESS.contains(&before) || name.to_ascii_lowercase().contains("public") {
        None
    } else if ends(&["apikey", "secretkey", "accesskey", "privatekey", "authkey", "token", "secret"])
        || ["credential", "credentials"].contains(&last)
        || (last == "key" && SECRET_KEYS.contains(&before))
    {
        Some(Promise::Secret)
    } else if last == "key" && !before.is_empty() {
        Some(Promise::Likely)
    } else if ["key", "auth", "authorization", "salt", "jwt", "seed", "nkey", "tokens", "secrets"].contains(&last) {
        Some(Promise::Perhaps)
    } else if profile == Profile::Strict && STRICT.contains(&last) {
        Some(Promise::Likely)
    } else {
        None
    }
}

/// The words of an identifier in lower case: split at `_`, `-` and changes of case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let bytes = name.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let after_lower = at > 0 && (bytes[at - 1].is_ascii_lowercase() || bytes[at - 1].is_ascii_digit());
        let before_lower = at > 0 && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let starts = byte.is_ascii_uppercase() && (after_lower || (before_lower && bytes[at - 1].is_ascii_uppercase()));
        if starts || !byte.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if byte.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::{Promise, promise, words};
    use crate::redact::Profile;

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(words("AWS_SECRET_ACCESS_KEY"), ["aws", "secret", "access", "key"]);
        assert_eq!(words("HMACSecretKey2"), ["hmac", "secret", "key2"]);
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
